"""Where the user's own files are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

__all__ = ["config_file"]


def config_file(environ: Mapping[str, str], variable: str, name: str) -> Path:
    """A file of the user's: the one that the variable names, else that one in our folder of the user's settings."""
    if named := environ.get(variable):
        return Path(named).expanduser()
    home = environ.get("XDG_CONFIG_HOME")
    # The XDG rules say that a relative path there is to be ignored.
    folder = Path(home) if home and Path(home).is_absolute() else Path("~/.config").expanduser()
    return folder / "smmclient" / name
