"""The first line of a CSV file of orders: what its columns are, and what stands between them."""

from __future__ import annotations

import re

from attrs import evolve

from smmclient.bulk.cells import BadCell, Column, column_of, normal_name
from smmclient.bulk.lines import BadLine, Records, letters
from smmclient.errors import UsageError

__all__ = ["read_header"]

_SHORT = 200
_DELIMITERS = ",;\t"
_SEP = re.compile(r'"?sep=([^\w\s"]|\t)"?', re.IGNORECASE)
_QUOTED = re.compile(r'"[^"]*"?')


def read_header(records: Records, name: str) -> list[Column]:
    """Read the header, and tell the records what is between cells."""
    chosen = None
    while (line := records.take()) is not None:
        if isinstance(line, BadLine):
            raise UsageError(f"{name}, line {records.line}, the header: {line.reason}")
        if records.line == 1 and (sep := _SEP.fullmatch(line)):
            chosen = sep[1]
        elif "".join(line.split()).strip(f"{_DELIMITERS}\ufeff{chosen or ''}"):
            break
    if line is None:
        raise UsageError(f"{name} is empty: its first line must name the columns, like service,link,quantity")
    records.delimiter = chosen or _delimiter(line)
    records.give_back([line])
    at, written, fault = next(iter(records))
    if fault is not None:
        raise UsageError(f"{name}, line {at}, the header: {fault.reason}")
    return _columns(written, name)


def _delimiter(header: str) -> str:
    bare = _QUOTED.sub("", header)

    def fits(delimiter: str) -> tuple[bool, int]:
        names = {normal_name(cell.strip('"')) for cell in header.split(delimiter)}
        return "service" in names, bare.count(delimiter)

    return max(_DELIMITERS, key=fits)


def _columns(header: list[str], name: str) -> list[Column]:
    columns: list[Column] = []
    labels: dict[str, str] = {}
    wrong: str | None = None
    for index, written in enumerate(header):
        label = f"{written.strip(chr(0xFEFF)).strip()[:_SHORT]} ({letters(index)})".lstrip()
        try:
            column = evolve(column_of(written), label=label)
        except BadCell as bad:
            wrong = wrong or f"{name}: the column {label} {bad.reason}"
            continue
        if column.name in labels:
            wrong = wrong or f"{name}: the columns {labels[column.name]} and {label} are the same: remove one"
        if column.name:
            labels[column.name] = label
        columns.append(column)
    if wrong and not labels:
        hint = " (is it JSON Lines? then name it .jsonl)" if header[0].lstrip().startswith("{") else ""
        raise UsageError(
            f"{name} has no header: its first line must name the columns, like service,link,quantity{hint}"
        )
    if wrong:
        raise UsageError(wrong)
    if "service" not in labels:
        raise UsageError(f"{name} has no column 'service': name the column of the service ids so")
    return columns
