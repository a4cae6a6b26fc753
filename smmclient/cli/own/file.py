"""The file of panels, edited: a table is added or taken out, and every other line stays as it was, to the byte."""

from __future__ import annotations

import os
import tempfile
import tomllib
from collections.abc import Sequence
from pathlib import Path

import tomlkit

from smmclient.cli.outcome import CallError, SetupError, mending
from smmclient.cli.own.cutting import without_table
from smmclient.dialect import Dialect
from smmclient.panelfile import read_panel, read_panels
from smmclient.places import is_there, why_no_toml

__all__ = ["add_panel", "remove_panel"]


def add_panel(path: Path, name: str, base_url: str, knobs: Sequence[str]) -> Dialect:
    """Add the panel, with knobs given as ``KNOB=VALUE``, and return what it is; nothing is written that is wrong."""
    before = _read(path)
    with mending(path):
        tables: dict[str, object] = {**read_panels(path)} if is_there(path) else {}
    if name in tables:
        raise CallError(
            f"{path} has a panel {name!r} already",
            hint=f"nothing was changed; edit the file, or `smm panels remove {name}` first",
        )
    table: dict[str, object] = {"base_url": base_url}
    for one in knobs:
        _set(table, one)
    dialect = read_panel(name, table)
    end = "\r\n" if "\r\n" in before else "\n"
    added = tomlkit.dumps({name: table}).replace("\n", end)
    gap = "" if not before else end if before.endswith("\n") else end * 2
    _write(path, before + gap + added, {**_parsed(path, before), name: table})
    return dialect


def remove_panel(path: Path, name: str) -> None:
    """Take the panel out of the file, be it right or wrong."""
    before = _read(path)
    tables = _parsed(path, before)
    if name not in tables:
        raise CallError(
            f"there is no panel {name!r} in {path}", hint=f"the panels there are: {', '.join(tables) or 'none'}"
        )
    _write(path, without_table(before, name), {one: table for one, table in tables.items() if one != name})


def _set(table: dict[str, object], given: str) -> None:
    """Set ``KNOB=VALUE`` or ``KNOB.NAME=VALUE``; a value that is not TOML is text."""
    knob, equals, text = given.partition("=")
    if not equals or not knob.strip():
        raise CallError(f"--set {given!r}: it must be KNOB=VALUE", hint="such as --set batch_size=50")
    *outer, inner = knob.strip().split(".", 1)
    if (outer or [inner])[0] == "base_url":
        raise CallError("--set base_url: the address is an option of its own", hint="give it with --base-url")
    at = table
    if outer:
        kept = table.setdefault(outer[0], {})
        if not isinstance(kept, dict):
            raise CallError(f"--set {knob}: {outer[0]} is given as a whole, too", hint="leave one of the two out")
        at = kept
    if inner in at:
        raise CallError(f"--set {knob}: it is given twice", hint="leave one of the two out")
    try:
        value = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        value = {}
    # A line end in the text could have begun another entry.
    at[inner] = value["value"] if value.keys() == {"value"} else text


def _read(path: Path) -> str:
    if not is_there(path):
        return ""
    try:
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = (error.strerror or error) if isinstance(error, OSError) else "it is not UTF-8"
        raise SetupError(f"{path} cannot be read: {why}", hint="nothing was changed; see to the file") from error


def _parsed(path: Path, text: str) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SetupError(
            f"{path} is not a TOML file: {why_no_toml(error)}", hint="nothing was changed; mend it by hand"
        ) from error


def _write(path: Path, text: str, tables: dict[str, object]) -> None:
    """Replace the file as a whole: whoever reads it meanwhile meets the old or the new one."""
    if not _holds(text, tables):
        raise CallError(
            f"{path} is written in a way that cannot be edited from here", hint="nothing was changed; edit it by hand"
        )
    try:
        target = path.resolve()
        mode = target.stat().st_mode & 0o777 if is_there(target) else 0o600
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:50]}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(text.encode())
            Path(temporary).chmod(mode)
            Path(temporary).replace(target)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except (OSError, RuntimeError) as error:
        why = getattr(error, "strerror", None) or error
        raise CallError(f"{path} cannot be written: {why}", hint="nothing was changed; see to the file") from error


def _holds(text: str, tables: dict[str, object]) -> bool:
    """Whether the text is TOML for just these tables."""
    try:
        return tomllib.loads(text) == tables
    except tomllib.TOMLDecodeError:
        return False
