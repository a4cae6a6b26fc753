"""A table cut out of a TOML text. Pure.

Only lines are looked at: whether what is left means the same as before, but for that table, is for the caller to see
(`tomllib`); a text with strings or lists whose lines look like headings is not cut right.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence

__all__ = ["without_table"]

_LINE = re.compile(r"[^\n]*\n|[^\n]+")


def without_table(text: str, name: str) -> str:
    r"""The text without the table and its sub-tables, from their headings to their last lines that say something.

    Comments above the heading, and those below the last entry, may be about something else: they stay.

    >>> without_table("[a]\nx = 1\n\n# about b\n[b]\ny = 2\n[b.c]\nz = 3\n# the end\n", "b")
    '[a]\nx = 1\n\n# about b\n# the end\n'
    """
    lines = _LINE.findall(text)
    kept: list[str] = []
    at = 0
    while at < len(lines):
        if _table_of(lines[at]) != name:
            kept.append(lines[at])
            at += 1
            continue
        end = _end_of(lines, at)
        # Not two gaps where there was one on each side of the table; and none at the end.
        while end < len(lines) and not lines[end].strip() and _is_gap(kept):
            end += 1
        at = end
        while at == len(lines) and kept and not kept[-1].strip():
            kept.pop()
    return "".join(kept)


def _is_gap(kept: Sequence[str]) -> bool:
    return not kept or not kept[-1].strip()


def _end_of(lines: Sequence[str], at: int) -> int:
    """The index behind the last line of the table at that index which is neither blank nor a comment."""
    last = at
    for n in range(at + 1, len(lines)):
        if _table_of(lines[n]) is not None:
            break
        if lines[n].strip() and not lines[n].lstrip().startswith("#"):
            last = n
    return last + 1


def _table_of(line: str) -> str | None:
    """The outermost name in a heading; None if the line is none."""
    if not line.lstrip().startswith("["):
        return None
    try:
        found = tomllib.loads(line)
    except tomllib.TOMLDecodeError:
        return None
    return next(iter(found), None)
