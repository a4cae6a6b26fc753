"""Where the user's own files are, and what is said when one of them cannot be had."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from smmclient.errors import ConfigError

__all__ = ["config_file", "expanded", "is_there", "why_no_toml"]


def config_file(environ: Mapping[str, str], variable: str, name: str) -> Path:
    """A file of the user's: the one that the variable names, else that one in our folder of the user's settings.

    Raises `ConfigError` where there is no telling: a ``~`` of nobody's, or no home folder.
    """
    if named := environ.get(variable):
        return expanded(named, variable)
    home = environ.get("XDG_CONFIG_HOME")
    # The XDG rules say that a relative path there is to be ignored.
    if home and Path(home).is_absolute():
        return Path(home) / "smmclient" / name
    try:
        return Path("~/.config").expanduser() / "smmclient" / name
    except RuntimeError:
        raise ConfigError(
            f"there is no home folder to look for {name} in: set HOME, or {variable} to its path"
        ) from None


def expanded(path: str, what: str) -> Path:
    """The path with its ``~`` resolved; ``what`` names it in the `ConfigError` of one that is nobody's."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise ConfigError(f"{what}: nobody's home folder is {path.split('/')[0]!r}: write the whole path") from None


def is_there(path: Path) -> bool:
    """Whether there is a file of that name; raises `ConfigError` where that cannot be found out."""
    # Not Path.exists: what it raises, and what it hides, differs between versions of Python.
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise ConfigError(f"{str(path)[:200]} cannot be looked at: {why}: name another file, or mend that") from error
    return True


_TOLD = re.compile(r"Cannot (?:declare|redefine namespace|mutate immutable namespace) \((.*?),?\)(?: twice)?")


def why_no_toml(error: tomllib.TOMLDecodeError | UnicodeDecodeError) -> str:
    """Why a file is no TOML, in plain words, with the line; nothing of its contents but a table's name.

    >>> try:
    ...     tomllib.loads("[a]\\n[a]")
    ... except tomllib.TOMLDecodeError as error:
    ...     why_no_toml(error)
    '[a] stands there twice (at line 2, column 3)'
    """
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    return _TOLD.sub(_twice, str(error)).replace("Cannot overwrite a value", "a name stands there twice")


def _twice(told: re.Match[str]) -> str:
    name = ".".join(part.strip().strip("'\"") for part in told[1].split(","))
    return f"[{name}] stands there twice"
