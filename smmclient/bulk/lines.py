"""A file's bytes as lines, and lines as the records of a CSV, in bounded memory whatever the file holds."""

from __future__ import annotations

import codecs
from collections import deque
from collections.abc import Callable, Iterator

from attrs import frozen

from smmclient.bulk.cells import LONGEST_CELL
from smmclient.errors import UsageError

__all__ = ["BadLine", "Fault", "Record", "Records", "blocks_of", "letters", "lines_of"]

_BLOCK = 64 * 1024
_LONGEST_ROW = 1024 * 1024
_MOST_LINES = 5000
_EXCERPT = 200

_NO_TEXT = {
    b"PK\x03\x04": "is a workbook (or a zip): save it as CSV UTF-8 and give that file",
    b"\xd0\xcf\x11\xe0": "is an old Excel workbook: save it as CSV UTF-8 and give that file",
    b"\x1f\x8b": "is compressed: unpack it first",
}
_NOT_UTF8 = "this line is not UTF-8: save the file as CSV UTF-8"
_NUL = "this line holds a NUL character: save the file as CSV UTF-8"
_TOO_LONG = "this line is longer than 1 MB: is a line end missing?"
_LONG_CELL = "this cell is longer than 64 KB: shorten it"
_AFTER_QUOTE = 'there is text after the closing quote: a quote that belongs to the cell is written twice ("")'
_BLANK_QUOTE = "there is a space before the opening quote: remove it"


@frozen
class BadLine:
    """A line that cannot be trusted; ``text`` is what could be read of it, only its beginning where it is ``cut``."""

    text: str
    reason: str
    cut: bool = False


def blocks_of(read: Callable[[int], bytes], name: str, size: int | None = None) -> Iterator[bytes]:
    """The file's text as UTF-8 without BOM, block by block; half characters become bytes that are no UTF-8."""
    block = b""
    while len(block) < 4 and (more := read(_BLOCK)):
        block += more
    for magic, what in _NO_TEXT.items():
        if block.startswith(magic):
            raise UsageError(f"{name} {what}")
    if not block.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        block = block.removeprefix(codecs.BOM_UTF8)
        while block:
            yield block
            block = read(_BLOCK)
        return
    cut = f"{name} ends in the middle of a character (UTF-16): it was cut, save it again"
    if size is not None and size % 2:
        raise UsageError(cut)
    little = block.startswith(codecs.BOM_UTF16_LE)
    decoder = codecs.getincrementaldecoder("utf-16-le" if little else "utf-16-be")("surrogatepass")
    block = block[2:]
    while block:
        yield decoder.decode(block).encode("utf-8", "surrogatepass")
        block = read(_BLOCK)
    try:
        yield decoder.decode(b"", final=True).encode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        raise UsageError(cut) from None


def lines_of(blocks: Iterator[bytes]) -> Iterator[str | BadLine]:
    """The physical lines without their ends (LF, CRLF or CR)."""
    rest = b""
    begun: bytes | None = None
    for block in blocks:
        data = rest + block
        # A CR in the last place may be half of a CRLF.
        end = max(data.rfind(b"\n"), data.rfind(b"\r", 0, -1)) + 1
        rest = data[end:]
        if end:
            lines = _split(data[:end])
            if begun is not None:
                lines[0] = BadLine(begun.decode(errors="replace"), _TOO_LONG, cut=True)
                begun = None
            yield from lines
        if len(rest) > _LONGEST_ROW:
            begun = begun or rest[:_EXCERPT]
            rest = rest[-1:]
        elif begun is not None:
            rest = rest[-1:]
    if begun is not None:
        yield BadLine(begun.decode(errors="replace"), _TOO_LONG, cut=True)
    elif rest:
        yield from _split(rest)


def _split(data: bytes) -> list[str | BadLine]:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return [_checked(line) for line in data.splitlines()]
    if "\0" in text:
        return [_checked(line) for line in data.splitlines()]
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return [*text.removesuffix("\n").split("\n")]


def _checked(line: bytes) -> str | BadLine:
    try:
        text = line.decode()
    except UnicodeDecodeError:
        return BadLine(line.decode(errors="replace"), _NOT_UTF8)
    return BadLine(text, _NUL) if "\0" in text else text


def letters(index: int) -> str:
    """A spreadsheet's name of a column, counted from 0.

    >>> letters(0), letters(25), letters(26)
    ('A', 'Z', 'AA')
    """
    name = ""
    while index >= 0:
        index, digit = divmod(index, 26)
        name = chr(ord("A") + digit) + name
        index -= 1
    return name


@frozen
class Fault:
    """Why a record cannot be trusted, and in which column (from 0)."""

    reason: str
    column: int | None = None


#: The line it begins on, its cells, and what is wrong with it.
Record = tuple[int, list[str], Fault | None]


class Records:
    """A CSV's records. A quote that is never closed costs its own line only: the lines after it are read again.

    Two scans that are both inside quotes at the start of a line go on alike. Up to line ``_hopeless`` a scan was inside
    at the start of each line and came to nothing; so a cell that is open at the end of a line before that need not be
    tried again, and no line is read more than a few times.
    """

    def __init__(self, lines: Iterator[str | BadLine]) -> None:
        self.delimiter = ","
        self.label: Callable[[int], str] = letters
        #: The number of the line that was taken last.
        self.line = 0
        self._lines = lines
        self._again: deque[str | BadLine] = deque()
        self._hopeless = 0

    def take(self) -> str | BadLine | None:
        """The next physical line."""
        line = self._again.popleft() if self._again else next(self._lines, None)
        if line is not None:
            self.line += 1
        return line

    def give_back(self, lines: list[str | BadLine]) -> None:
        """Take these lines, the last that were taken, once more."""
        self._again.extendleft(reversed(lines))
        self.line -= len(lines)

    def __iter__(self) -> Iterator[Record]:
        while (line := self.take()) is not None:
            if not isinstance(line, str) or '"' in line or len(line) > LONGEST_CELL:
                yield self._hard(line)
            elif line and not line.isspace():
                yield self.line, line.split(self.delimiter), None

    def _hard(self, line: str | BadLine) -> Record:
        """A record that has quotes, or something wrong with it."""
        at, scan = self.line, _Scan(self.delimiter)
        fault = scan.feed(line)
        if fault is not None or not scan.is_open:
            return at, scan.cells, fault or scan.fault()
        column, cells = len(scan.cells), [*scan.cells, scan.begun()]
        taken: list[str | BadLine] = []
        while self.line >= self._hopeless and (more := self.take()) is not None:
            taken.append(more)
            fault = scan.feed(more)
            if fault is None and not scan.is_open:
                return at, scan.cells, scan.fault()
            if fault is not None or scan.is_too_much or len(taken) + 1 >= _MOST_LINES:
                break
        self._hopeless = max(self._hopeless, self.line)
        self.give_back(taken)
        where = f"a quote opened in line {at}, column {self.label(column)}, is not closed"
        return at, cells, Fault(f"{where}: close it, or write a quote that belongs to the cell twice", column)


class _Scan:
    """The cells of one record, from one line after the other."""

    def __init__(self, delimiter: str) -> None:
        self.cells: list[str] = []
        self.is_open = False
        self._delimiter = delimiter
        self._parts: list[str] = []
        self._size = 0
        self._open_size = 0
        self._spoilt: Fault | None = None

    def begun(self) -> str:
        """What there is of the open cell."""
        return "".join(self._parts)

    @property
    def is_too_much(self) -> bool:
        return self._open_size > LONGEST_CELL or self._size > _LONGEST_ROW

    def fault(self) -> Fault | None:
        """What is wrong with a record that has come to its end."""
        if self._spoilt is None and self._size > LONGEST_CELL:
            for column, cell in enumerate(self.cells):
                if len(cell) > LONGEST_CELL:
                    return Fault(_LONG_CELL, column)
            if self._size > _LONGEST_ROW:
                return Fault(_TOO_LONG)
        return self._spoilt

    def feed(self, line: str | BadLine) -> Fault | None:
        """Scan a line; a fault that is returned ends the record there and then."""
        if isinstance(line, BadLine):
            # Quotes can be told apart in such a line as well, so the record still ends where it ends.
            self._spoilt = self._spoilt or Fault(line.reason)
            if line.cut:
                self.cells += [] if self.is_open else line.text.split(self._delimiter)
                return self._spoilt
            line = line.text
        self._size += len(line) + 1
        fault = self._scan(line)
        # What comes first is the cause.
        return fault and (self._spoilt or fault)

    def _scan(self, line: str) -> Fault | None:
        at = 0
        while True:
            if self.is_open:
                if (at := self._quoted(line, at)) < 0:
                    return None
                if at < len(line) and line[at] != self._delimiter:
                    return Fault(_AFTER_QUOTE, len(self.cells) - 1)
            elif line.startswith('"', at):
                self.is_open, self._parts, self._open_size = True, [], 0
                at += 1
                continue
            else:
                end = line.find(self._delimiter, at)
                end = len(line) if end < 0 else end
                self.cells.append(cell := line[at:end])
                at = end
                if cell[:1].isspace() and cell.lstrip()[:1] == '"':
                    return Fault(_BLANK_QUOTE, len(self.cells) - 1)
            if at >= len(line):
                return None
            at += 1

    def _quoted(self, line: str, at: int) -> int:
        """Read on in an open cell; where the scan stands behind its closing quote, or -1 where it has none."""
        begin = at
        while (end := line.find('"', at)) >= 0:
            if not line.startswith('"', end + 1):
                self._parts.append(line[at:end])
                self.cells.append("".join(self._parts))
                self.is_open = False
                return end + 1
            self._parts.append(line[at : end + 1])
            at = end + 2
        self._parts.append(line[at:] + "\n")
        self._open_size += len(line) - begin + 1
        return -1
