"""Rows of orders from a file or an application, one after the other in constant memory.

A `Source` is read by iterating over it: each row is a `Row`, or a `BadRow` that says what to mend. What concerns the
whole file is a `UsageError`. Nothing is guessed: a number that can be read in two ways is a bad row.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Literal, Self

import msgspec
from attrs import field, frozen

from smmclient.bulk.cells import WHOLE, BadCell, Column, column_of, text_of
from smmclient.bulk.entry import RowState
from smmclient.bulk.header import read_header
from smmclient.bulk.lines import BadLine, Fault, Records, blocks_of, letters, lines_of
from smmclient.errors import UsageError
from smmclient.texts import undefuse

__all__ = ["BadRow", "Row", "Source"]

_SHORT = 200
_SENT = frozenset(state.value for state in (RowState.SENDING, RowState.DONE, RowState.DOUBT))


@frozen
class Row:
    """One row. ``number`` counts the rows from 1, bad ones too; ``line`` is the line of the file that it begins on.

    ``cells`` are the order's parameters as text, without those that are empty; ``kind`` is the column ``type``.
    """

    number: int
    line: int
    cells: Mapping[str, str] = field(hash=False)
    panel: str | None = None
    ref: str | None = None
    kind: str | None = None


@frozen
class BadRow:
    """A row that cannot be read: why, where, and what could be read of it (each cell shortened)."""

    number: int
    line: int
    #: As the file writes it, with the spreadsheet's letter: ``quantity (C)``; None where it is no one column's fault.
    column: str | None
    reason: str
    cells: Mapping[str, str] = field(hash=False)
    ref: str | None = None
    panel: str | None = None


class Source:
    """A CSV or JSON Lines file of orders, or an application's rows (`Source.of`).

    ``format`` is told by the suffix: ``.jsonl``, ``.ndjson`` and ``.json`` are JSON Lines, all else is CSV. Each
    iteration reads the file anew.
    """

    def __init__(self, path: str | os.PathLike[str], *, format: Literal["csv", "jsonl"] | None = None) -> None:
        if format not in (None, "csv", "jsonl"):
            raise UsageError(f"format must be 'csv' or 'jsonl', not {format!r}")
        self._path = Path(path)
        self._given: Iterable[Mapping[str, object]] | None = None
        self.name = self._path.name or str(path)
        by_suffix = self._path.suffix.lower() in (".jsonl", ".ndjson", ".json")
        self._is_csv = format == "csv" or (format is None and not by_suffix)
        self._labels: dict[str, str] | None = None

    @classmethod
    def of(cls, rows: Iterable[Mapping[str, object]], *, name: str = "rows") -> Self:
        """An application's rows, each like an object of JSON Lines. They can be read as often as ``rows`` can."""
        source = cls(name, format="jsonl")
        source._given, source.name = rows, name
        return source

    def column(self, field: str) -> str | None:
        """How the file calls a field's column (``quantity (C)``), once iteration has begun."""
        if self._labels is None:
            return None
        return self._labels.get(field) if self._is_csv else field

    def __iter__(self) -> Iterator[Row | BadRow]:
        if self._given is not None:
            return self._objects(enumerate(self._given, 1))
        return self._read()

    def _read(self) -> Iterator[Row | BadRow]:
        with self._blocks() as blocks:
            yield from self._csv(Records(lines_of(blocks))) if self._is_csv else self._jsonl(lines_of(blocks))

    @contextmanager
    def _blocks(self) -> Iterator[Iterator[bytes]]:
        try:
            file = self._path.open("rb", buffering=0)
        except (OSError, ValueError) as error:
            raise UsageError(f"{self.name} cannot be read: {_why(error)}") from None

        def read(size: int) -> bytes:
            try:
                return file.read(size) or b""
            except OSError as error:
                raise UsageError(f"{self.name} cannot be read on: {_why(error)}") from None

        with file:
            about = os.fstat(file.fileno())
            yield blocks_of(read, self.name, about.st_size if stat.S_ISREG(about.st_mode) else None)

    def _csv(self, records: Records) -> Iterator[Row | BadRow]:
        columns = read_header(records, self.name)
        width, number = len(columns), 0
        exported_state = next((at for at, one in enumerate(columns) if one.label.startswith("#state ")), width)
        self._labels = {column.name: column.label for column in columns if column.name}

        def label(index: int) -> str:
            return columns[index].label if index < width else f"({letters(index)})"

        records.label = label
        for line, cells, fault in records:
            if fault is None:
                if not (cells[0].strip() or any(cell.strip() for cell in cells)):
                    continue
                if len(cells) > width:
                    fault = _surplus(cells, width)
                elif any("\n" in cell for cell in cells):
                    fault = _swallowed(cells, columns, records.delimiter)
                if fault is None and exported_state < len(cells):
                    fault = _was_sent(cells[exported_state], exported_state)
            number += 1
            if fault is None:
                yield _row(number, line, columns, cells, is_csv=True)
            else:
                where = None if fault.column is None else label(fault.column)
                yield _bad_row(number, line, where, fault.reason, columns, cells)

    def _jsonl(self, lines: Iterator[str | BadLine]) -> Iterator[Row | BadRow]:
        number = at = 0
        self._labels = {}
        for at, line in enumerate(lines, 1):
            if isinstance(line, str):
                if not line or line.isspace():
                    continue
                if not number and _is_array(line, self._path):
                    raise UsageError(f"{self.name} is one JSON array: write one object a line, without [ and commas")
            number += 1
            yield _from_json(number, at, line)
        if not number:
            raise UsageError(f"{self.name} is empty: write one JSON object a line")

    def _objects(self, rows: Iterable[tuple[int, object]]) -> Iterator[Row | BadRow]:
        self._labels = {}
        for number, given in rows:
            yield _from_object(number, number, given)


def _why(error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, IsADirectoryError):
        return "it is a directory, give a file"
    return getattr(error, "strerror", None) or str(error)


def _row(
    number: int, line: int, columns: Sequence[Column], texts: Sequence[str], *, is_csv: bool = False
) -> Row | BadRow:
    """The row of these cells, or what is wrong with the first that is wrong."""
    cells: dict[str, str] = {}
    about: dict[str, str] = {}
    where: str | None = None
    try:
        for column, text in zip(columns, texts, strict=False):
            if not text:
                continue
            if is_csv and text[0] == "'":
                text = undefuse(text)
            where = column.label
            if text := column.read(text):
                (about if column.about_row else cells)[column.name] = text
    except BadCell as bad:
        return _bad_row(number, line, where, bad.reason, columns, texts)
    if about:
        return Row(number, line, cells, about.get("panel"), about.get("ref"), about.get("type"))
    return Row(number, line, cells)


def _bad_row(
    number: int, line: int, where: str | None, reason: str, columns: Sequence[Column], texts: Sequence[str]
) -> BadRow:
    cells: dict[str, str] = {}
    about: dict[str, str] = {}
    for column, text in zip(columns, texts, strict=False):
        if not column.name or not text.strip():
            continue
        cells[column.name] = text[:_SHORT]
        # What could not be decoded is no key.
        if column.about_row and "\ufffd" not in text and "\0" not in text:
            try:
                about[column.name] = column.read(undefuse(text))
            except BadCell:
                continue
    return BadRow(number, line, where, reason, cells, about.get("ref"), about.get("panel"))


def _surplus(cells: list[str], width: int) -> Fault | None:
    """What is wrong where a record has more cells than the header."""
    for index in range(width, len(cells)):
        if cells[index].strip():
            return Fault(
                f"there are more cells than the {width} columns: a cell with a delimiter in it needs quotes", index
            )
    return None


def _was_sent(state: str, index: int) -> Fault | None:
    """What is wrong with a row of an export whose order was sent: it would be placed again."""
    if state.strip() not in _SENT:
        return None
    return Fault(f"an export says that this row is {state.strip()}: empty the cell if it is to be ordered again", index)


def _swallowed(cells: list[str], columns: Sequence[Column], delimiter: str) -> Fault | None:
    """What is wrong where a cell of several lines holds a row: two lone quotes far apart read as one cell."""
    for index, cell in enumerate(cells):
        for inner in cell.split("\n")[1:]:
            parts = inner.split(delimiter)
            if len(parts) == len(columns) and _is_like_a_row(parts, columns):
                return Fault(f"this cell holds what looks like another row ({inner[:40]!r}): close its quote", index)
    return None


def _is_like_a_row(parts: list[str], columns: Sequence[Column]) -> bool:
    told = {column.name: part.strip() for column, part in zip(columns, parts, strict=True) if column.name}
    counts = [told[name] for name in told.keys() & WHOLE if told[name]]
    if not told["service"].isdigit() or not all(count.isdigit() for count in counts):
        return False
    return bool(counts) or "://" in told.get("link", "")


def _is_array(line: str, path: Path) -> bool:
    return line.strip() == "[" or (path.suffix.lower() == ".json" and line.lstrip().startswith("["))


#: Fractions stay exact.
_DECODER = msgspec.json.Decoder(float_hook=Decimal)
_KEY = re.compile(r'"\s*:')


def _from_json(number: int, at: int, line: str | BadLine) -> Row | BadRow:
    if isinstance(line, BadLine):
        return BadRow(number, at, None, line.reason, {})
    try:
        given = _DECODER.decode(line)
        # A key that is there twice is seen by the slower decoder only.
        if isinstance(given, dict) and len(_KEY.findall(line)) > len(given):
            json.loads(line, object_pairs_hook=_once, parse_int=str, parse_float=str)
    except BadCell as bad:
        return BadRow(number, at, bad.args[0], "is given twice: keep one", {})
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        return BadRow(number, at, None, f"this line is no JSON object: {str(error)[:_SHORT]}", {})
    return _from_object(number, at, given)


def _once(pairs: list[tuple[str, object]]) -> None:
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            raise BadCell(key[:_SHORT])
        seen.add(key)


def _from_object(number: int, line: int, given: object) -> Row | BadRow:
    if not isinstance(given, Mapping):
        return BadRow(number, line, None, f"a row must be an object of keys and values, not {type(given).__name__}", {})
    columns: list[Column] = []
    texts: list[str] = []
    wrong: tuple[str, str] | None = None
    seen: set[str] = set()
    for key, value in given.items():
        try:
            column = _column_of_key(key, seen)
            if column.name or not key.strip():
                texts.append(text_of(column.name, value))
                columns.append(column)
        except BadCell as bad:
            wrong = wrong or (str(key)[:_SHORT], bad.reason)
    if wrong is not None:
        return _bad_row(number, line, *wrong, columns, texts)
    return _row(number, line, columns, texts)


def _column_of_key(key: object, seen: set[str]) -> Column:
    if not isinstance(key, str):
        raise BadCell(f"a key must be text, not {type(key).__name__}")
    column = column_of(key)
    if column.name:
        if column.name in seen:
            raise BadCell(f"{column.name} is given twice: keep one")
        seen.add(column.name)
    return column
