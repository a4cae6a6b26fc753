"""The file of panels, edited: a table is added or taken out, and every comment and blank line stays as it was."""

from __future__ import annotations

import os
import tempfile
import tomllib
from collections.abc import Sequence
from pathlib import Path

import tomlkit
from tomlkit import TOMLDocument
from tomlkit.exceptions import TOMLKitError

from smmclient.cli.outcome import CallError
from smmclient.dialect import Dialect
from smmclient.errors import ConfigError
from smmclient.panelfile import read_panel, read_panels

__all__ = ["add_panel", "remove_panel"]


def add_panel(path: Path, name: str, base_url: str, knobs: Sequence[str]) -> Dialect:
    """Add the panel, with knobs given as ``KNOB=VALUE``, and return what it is; nothing is written that is wrong."""
    document = _read(path)
    if name in document:
        raise CallError(
            f"{path} has a panel {name!r} already",
            hint=f"nothing was changed; edit the file, or `smm panels remove {name}` first",
        )
    table: dict[str, object] = {"base_url": base_url}
    for one in knobs:
        _set(table, one)
    dialect = read_panel(name, table)
    if document.body and len(document):
        document.add(tomlkit.nl())
    document.add(name, tomlkit.item(table))
    _write(path, document)
    return dialect


def remove_panel(path: Path, name: str) -> None:
    """Take the panel out of the file."""
    document = _read(path)
    if name not in document:
        raise CallError(
            f"there is no panel {name!r} in {path}", hint=f"the panels there are: {', '.join(document) or 'none'}"
        )
    document.remove(name)
    _write(path, document)


def _set(table: dict[str, object], given: str) -> None:
    """Set ``KNOB=VALUE`` or ``KNOB.NAME=VALUE``; a value that is not TOML is text."""
    knob, equals, text = given.partition("=")
    if not equals or not knob.strip():
        raise CallError(f"--set {given!r}: it must be KNOB=VALUE", hint="such as --set batch_size=50")
    *outer, inner = knob.strip().split(".", 1)
    at = table
    if outer:
        kept = table.setdefault(outer[0], {})
        if not isinstance(kept, dict):
            raise CallError(f"--set {knob}: {outer[0]} is given as a whole, too", hint="leave one of the two out")
        at = kept
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    at[inner] = value


def _read(path: Path) -> TOMLDocument:
    if not path.exists():
        return tomlkit.document()
    read_panels(path)  # says what is wrong with it before anything is changed
    try:
        return tomlkit.parse(path.read_text("utf-8"))
    except (TOMLKitError, OSError) as error:
        raise ConfigError(f"{path} cannot be edited: {error}") from error


def _write(path: Path, document: TOMLDocument) -> None:
    """Replace the file as a whole: whoever reads it meanwhile meets the old or the new one."""
    target = path.resolve()
    mode = target.stat().st_mode & 0o777 if target.exists() else 0o600
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(tomlkit.dumps(document))
            Path(temporary).chmod(mode)
            read_panels(Path(temporary))
            Path(temporary).replace(target)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise CallError(
            f"{path} cannot be written: {error.strerror or error}", hint="nothing was changed; see to the file"
        ) from error
