"""Rows of orders from files: what is read is what was meant, and what is not read is said."""

from __future__ import annotations

import codecs
import csv
import datetime as dt
import enum
import gc
import io
import json
import os
import tracemalloc
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smmclient import UsageError
from smmclient.bulk.cells import LISTS, WHOLE
from smmclient.bulk.lines import Records, blocks_of, lines_of
from smmclient.bulk.source import BadRow, Row, Source
from smmclient.forms import FIELDS
from smmclient.texts import defuse, undefuse

L = "https://example.com/p"
HEAD = "service,link,quantity\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all the examples that hypothesis makes."""
    return tmp_path_factory.mktemp("rows")


def read(folder: Path, data: str | bytes, name: str = "orders.csv") -> list[Row | BadRow]:
    """The rows of a file with that content."""
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return list(Source(path))


def one(folder: Path, column: str, cell: str) -> Row | BadRow:
    """The row of a file with that one cell besides the service."""
    out = io.StringIO(newline="")
    csv.writer(out).writerows([["service", column], ["1", cell]])
    (row,) = read(folder, out.getvalue())
    return row


def good(rows: list[Row | BadRow]) -> list[Mapping[str, str]]:
    """The cells of rows that are all good."""
    assert all(isinstance(row, Row) for row in rows), rows
    return [row.cells for row in rows]


ORDER = {"service": "1", "link": L, "quantity": "10"}
UTF16 = f"service\tlink\tquantity\r\n1\t{L}\t10\r\n"

FILES: dict[str, str | bytes] = {
    "comma": f"{HEAD}1,{L},10\n",
    "no last line end": f"{HEAD}1,{L},10",
    "semicolon": f"service;link;quantity\n1;{L};10\n",
    "tab": f"service\tlink\tquantity\n1\t{L}\t10\n",
    "CRLF": f"service,link,quantity\r\n1,{L},10\r\n",
    "CR": f"service,link,quantity\r1,{L},10\r",
    "CR, no last line end": f"service,link,quantity\r1,{L},10",
    "BOM": codecs.BOM_UTF8 + f"{HEAD}1,{L},10\n".encode(),
    "BOM and quotes": codecs.BOM_UTF8 + f'"service","link","quantity"\n"1","{L}","10"\n'.encode(),
    "UTF-16 LE": codecs.BOM_UTF16_LE + UTF16.encode("utf-16-le"),
    "UTF-16 BE": codecs.BOM_UTF16_BE + UTF16.encode("utf-16-be"),
    "sep=": f"sep=;\r\nservice;link;quantity\r\n1;{L};10\r\n",
    "sep= of another kind": f"SEP=|\nservice|link|quantity\n|||\n1|{L}|10\n",
    "names in other words": f" Service ,LINK, QuantitY \n1,{L},10\n",
    "another order": f"quantity,link,service\n10,{L},1\n",
    "blank lines": f"\n,,\n{HEAD}\n \n,,\n , ,\n1,{L},10\n\n\n",
    "empty cells at the end": f"service,link,quantity,,\n1,{L},10,,,,\n",
    "fewer cells": f"service,link,quantity,runs,comments\n1,{L},10\n",
    "own columns": f"service,#note,link,_x,quantity\n1,a,{L},b,10\n",
    "a delimiter in an own column": f'"#a,b,c,d";service;link;quantity\n;1;{L};10\n',
    "quoted": f'"service","link","quantity"\n"1","{L}","10"\n',
    "blanks around a number": f"{HEAD} 1 ,{L}, 10 \n",
}


@pytest.mark.parametrize("case", FILES)
def test_what_spreadsheets_write(tmp_path: Path, case: str) -> None:
    """The same order is read from each dialect, with or without what spreadsheets add."""
    assert good(read(tmp_path, FILES[case])) == [ORDER]


REFUSED: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "orders.csv is empty"),
    "blank": ("\n , \n", "is empty"),
    "only a BOM": (codecs.BOM_UTF8, "is empty"),
    "no header": (f"1,{L},10\n2,{L},20\n", "has no header"),
    "JSON": ('{"service": 1}\n', "no header.*JSON Lines"),
    "no service": ("link,quantity\n", "no column 'service'"),
    "unknown": ("service,link,run\n", r"the column run \(C\) is not known; did you mean 'runs'\?.*# or _"),
    "unknown, like nothing": ("service,wxyz\n", r"wxyz \(B\) is not known \("),
    "twice": ("service,link,Link \n", r"link \(B\) and Link \(C\) are the same"),
    "twice with field:": ("service,runs,field:runs\n", "are the same"),
    "field: alone": ("service,field:\n", "the name after field: is empty"),
    "field:key": ("service,field:key\n", "key cannot be given"),
    "a name without end": (f"service,{'x' * 300}\n", "at most 200"),
    "open quote": ('service,"link\n1,x\n', "line 1, the header: a quote opened in line 1, column B, is not closed"),
    "Latin-1 header": ("service,#größe\n".encode("latin-1"), "line 1, the header: this line is not UTF-8"),
    "NUL": ("service,li\0nk\n", "NUL"),
    "UTF-16 without BOM": (UTF16.encode("utf-16-le"), "NUL.*CSV UTF-8"),
    "UTF-16 cut": (codecs.BOM_UTF16_LE + UTF16.encode("utf-16-le")[:-1], "UTF-16.*cut"),
    "UTF-32": (codecs.BOM_UTF32_LE + UTF16.encode("utf-32-le"), "NUL"),
    "xlsx": (b"PK\x03\x04\x14\0", "workbook.*CSV UTF-8"),
    "xls": (b"\xd0\xcf\x11\xe0\xa1", "workbook"),
    "gzip": (b"\x1f\x8b\x08\0", "compressed"),
    "one line of 2 MB": ("x" * 2**21, "longer than 1 MB"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_files_that_cannot_be_read(tmp_path: Path, case: str) -> None:
    """What concerns the whole file is a UsageError that names the file and what to do."""
    data, words = REFUSED[case]
    with pytest.raises(UsageError, match=words) as caught:
        read(tmp_path, data)
    assert str(caught.value).startswith("orders.csv")


def test_what_is_no_file(tmp_path: Path) -> None:
    """A missing file, a directory and a name that no file can have are a UsageError, and so is an unknown format."""
    with pytest.raises(UsageError, match=r"no\.csv cannot be read: there is no such file"):
        list(Source(tmp_path / "no.csv"))
    with pytest.raises(UsageError, match="it is a directory"):
        list(Source(tmp_path))
    with pytest.raises(UsageError, match="null byte"):
        list(Source("a\0.csv"))
    with pytest.raises(UsageError, match="format"):
        Source("a", format="xml")  # type: ignore[arg-type]


NO_COUNTS = """
1.000 1,000 999.999 1.5 1,5 1e3 1E+05 -5 +5 0x10 １２ 1_000 ٣ ² - + . , 1. .0 1,0,0 1.000.00
1,00,000 1000.000 1,000,000,00 1.000.000.0 1,000.000 0,000,000 1'00 1000'000 '123 '-5
1000000000000000000 ½ NaN inf 1,000,00 1'000,000 10%
"""

#: (a count as it is written, what is read; None: a bad row).
COUNTS: list[tuple[str, str | None]] = [
    ("1000", "1000"),
    (" 1000 ", "1000"),
    ("\u00a01000\u00a0", "1000"),
    ("1000.0", "1000"),
    ("1000,00", "1000"),
    ("007", "7"),
    ("0", "0"),
    ("0,00", "0"),
    ("1 000", "1000"),
    ("1 000 000", "1000000"),
    ("12\u00a0345", "12345"),
    ("12\u202f345", "12345"),
    ("1'000'000", "1000000"),
    ("1\u2019000", "1000"),
    ("1 000,00", "1000"),
    ("1,000,000", "1000000"),
    ("1.000.000", "1000000"),
    ("1,234,567.00", "1234567"),
    ("1.234.567,00", "1234567"),
    ("1,234.00", "1234"),
    ("1.234,0", "1234"),
    ("999999999999999999", "999999999999999999"),
    *((text, None) for text in NO_COUNTS.split()),
    ("1 00", None),
    ("1" + " 000" * 6, None),
    (" ", ""),
    ("1000 000", None),
    ("1 000\u00a0000", None),
    ("0 001", None),
    ("1  000", None),
    ("1\n000", None),
    ("1\t000", None),
    ("1" * 5000, None),
    ("0" * 5000 + "7", "7"),
]


@pytest.mark.parametrize(("text", "count"), COUNTS, ids=lambda value: ascii(value)[:24])
def test_whole_numbers(folder: Path, text: str, count: str | None) -> None:
    """A count is read where it can be read in one way only."""
    row = one(folder, "quantity", text)
    if count is None:
        assert isinstance(row, BadRow)
        assert row.column == "quantity (B)"
        assert row.cells == {"service": "1", "quantity": text[:200]}
    else:
        assert row == Row(1, 2, {"service": "1", "quantity": count} if count else {"service": "1"})


def test_a_number_of_two_readings_says_so(folder: Path) -> None:
    """One or a thousand: the reason says what to write."""
    row = one(folder, "quantity", "1.000")
    assert isinstance(row, BadRow)
    assert row.reason == "1.000 can be read in two ways: write 1000 if it is that many"


def test_which_fields_are_counts_and_lists() -> None:
    """They are told by the orders' own annotations."""
    counts = {"quantity", "runs", "interval", "min", "max", "posts", "old_posts", "delay", "device", "type_of_traffic"}
    assert counts == WHOLE
    assert {"comments", "usernames", "hashtags", "keywords", "groups"} == LISTS
    assert {"service", "answer_number", "coupon"} <= {*FIELDS} - WHOLE - LISTS


def grouped(count: int, mark: str) -> str:
    """The count with marks between its thousands."""
    return f"{count:,}".replace(",", mark)


@given(
    st.integers(0, 10**18 - 1) | st.integers(0, 2000),
    st.sampled_from(["", " ", "\u00a0", "\u202f", "'", "\u2019", ",", "."]),
    st.sampled_from(["", ".0", ".00", ",0", ",00"]),
    st.sampled_from(["", " ", "\u00a0"]),
)
def test_a_count_is_read_as_it_was_meant(folder: Path, count: int, mark: str, fraction: str, blank: str) -> None:
    """Whatever way a count is formatted: it is read as that count, or it is a bad row."""
    text = blank + grouped(count, mark) + fraction + blank
    row = one(folder, "quantity", text)
    marks = text.count(mark) if mark in (",", ".") else 0
    is_clear = count < 1000 or mark not in (",", ".") or (fraction[:1] != mark and (count >= 10**6 or bool(fraction)))
    assert isinstance(row, Row) == is_clear, (text, marks)
    if isinstance(row, Row):
        assert row.cells["quantity"] == str(count)


@given(st.text("0123456789.,' \u00a0\u202f-+e", min_size=1, max_size=12))
@example("1,234.00")
@example("1.234,00")
def test_no_count_is_read_in_two_ways(folder: Path, text: str) -> None:
    """A text that is accepted is one number, whether one writes decimal points or decimal commas."""
    row = one(folder, "quantity", text)
    if not isinstance(row, Row) or "quantity" not in row.cells:
        return
    values = set()
    for decimal, groups in ((".", ",' \u00a0\u202f"), (",", ".' \u00a0\u202f")):
        whole, _, fraction = text.strip().partition(decimal)
        parts = [whole]
        for mark in groups:
            if mark in whole:
                parts = whole.split(mark)
                break
        is_grouped = all(len(part) == 3 for part in parts[1:]) and 1 <= len(parts[0]) <= (3 if parts[1:] else 99)
        if is_grouped and all(part.isdigit() for part in parts) and not fraction.strip("0"):
            values.add(int("".join(parts)))
    assert values == {int(row.cells["quantity"])}


CELLS: list[tuple[str, str, dict[str, str]]] = [
    ("service", "12.0", {"service": "12"}),
    ("service", " 12,0 ", {"service": "12"}),
    ("service", "srv_1", {"service": "srv_1"}),
    ("service", "007", {"service": "007"}),
    ("Answer number", " 2 ", {"answer_number": "2"}),
    ("type-of  TRAFFIC", "1", {"type_of_traffic": "1"}),
    ("expiry", "2027-12-31", {"expiry": "31/12/2027"}),
    ("expiry", " 31/12/2027", {"expiry": "31/12/2027"}),
    ("expiry", "31.12.27", {"expiry": "31.12.27"}),
    ("comments", "a\r\nb\rc\nd", {"comments": "a\nb\nc\nd"}),
    ("comments", "'=a", {"comments": "=a"}),
    ("comments", "'+a", {"comments": "+a"}),
    ("comments", "'@a", {"comments": "@a"}),
    ("comments", "'\ta", {"comments": "\ta"}),
    ("comments", "'tis", {"comments": "'tis"}),
    ("comments", "''=a", {"comments": "'=a"}),
    ("comments", "' @a", {"comments": " @a"}),
    ("comments", "'123", {"comments": "'123"}),
    ("username", "'-x", {"username": "-x"}),
    ("coupon", "X5", {"coupon": "X5"}),
    ("link", " \u00a0", {}),
    ("field:Speed-x", " 1.000 ", {"Speed-x": " 1.000 "}),
    ("field:type", "9", {"type": "9"}),
]


@pytest.mark.parametrize(("column", "cell", "cells"), CELLS)
def test_what_a_cell_says(folder: Path, column: str, cell: str, cells: dict[str, str]) -> None:
    """Each field is read by its own rule, and what is empty is left out."""
    head, start = ("", "") if column == "service" else ("service,", "1,")
    out = io.StringIO(newline="")
    csv.writer(out).writerow([cell])
    expected = cells if column == "service" else {"service": "1", **cells}
    assert good(read(folder, f"{head}{column}\n{start}{out.getvalue()}".encode())) == [expected]


@given(st.text(st.sampled_from([*"=+-@\t '5.a＝\u200b"]), max_size=6) | st.text(max_size=6))
@example("-5")
@example("'-5")
@example("'\t")
def test_an_export_reads_back(text: str) -> None:
    """What our own export writes before a formula is taken off again, and nothing else."""
    assert undefuse(defuse(text)) == text


def test_what_is_about_the_row(tmp_path: Path) -> None:
    """Panel, ref and type are no parameters of the order."""
    rows = read(tmp_path, "type,service,panel,Ref\nCustom Comments,1, panel-bon ,é 7\n,1,,\n")
    assert rows == [Row(1, 2, {"service": "1"}, "panel-bon", "é 7", "Custom Comments"), Row(2, 3, {"service": "1"})]


BAD: list[tuple[str, str | None, str]] = [
    ("service,link\n1,a,b\n", "(C)", "more cells than the 2 columns"),
    ("service,,link\n1,x,a\n", "(B)", "without a name"),
    ("service,ref\n1," + "x" * 201 + "\n", "ref (B)", "at most 200"),
    ("service,ref\n1,a\x07b\n", "ref (B)", "control character"),
    ("service,panel\n1,a b\n", "panel (B)", "no name of a panel"),
    ("service,link\n1E+05,a\n", "service (A)", "rounded"),
    ('service,link\n1,"abc"def\n', "link (B)", "text after the closing quote"),
    ('service,link\n1, "abc"\n', "link (B)", "space before the opening quote"),
    ('service,link\n1,"abc\n', "link (B)", "opened in line 2, column link (B), is not closed"),
    ("service,link\n1,a\0b\n", None, "NUL"),
    ("service,link\n1," + "x" * 70_000 + "\n", "link (B)", "longer than 64 KB"),
    ('service,link\n1,"' + "x" * 70_000 + '"\n', "link (B)", "longer than 64 KB"),
    ("service,link\n" + "x" * 2**21 + "\n", None, "longer than 1 MB"),
    ("service,link" + ",#" * 200 + "\n" + ("x" * 6000 + ",") * 200 + "\n", None, "longer than 1 MB"),
]


@pytest.mark.parametrize(("data", "column", "reason"), BAD, ids=lambda value: str(value)[:30])
def test_bad_rows(tmp_path: Path, data: str, column: str | None, reason: str) -> None:
    """A bad row says where and why, and the next good row is read."""
    ok = "2,,ok\n" if ",," in data else "2,ok\n"
    bad, following = read(tmp_path, data + ok)
    assert isinstance(bad, BadRow)
    assert (bad.number, bad.line, bad.column) == (1, 2, column)
    assert reason in bad.reason
    assert all(len(cell) <= 200 for cell in bad.cells.values())
    assert isinstance(following, Row)
    assert (following.number, following.line, following.cells["service"]) == (2, 3, "2")


def test_what_can_be_read_of_a_bad_row(tmp_path: Path) -> None:
    """Its cells, its ref and its panel are kept where they are readable."""
    (bad,) = read(tmp_path, "service,quantity,ref,panel,#note\n1,x,r1,bon,mine\n")
    assert bad == BadRow(
        1,
        2,
        "quantity (B)",
        "must be a whole number, not 'x': write it with digits only",
        {"service": "1", "quantity": "x", "ref": "r1", "panel": "bon"},
        "r1",
        "bon",
    )
    (bad,) = read(tmp_path, "service,link,ref\n1,é,ñ\n".encode("latin-1"))
    assert isinstance(bad, BadRow)
    assert bad.cells["service"] == "1"
    assert bad.ref is None
    assert "not UTF-8" in bad.reason


def test_cells_of_several_lines(tmp_path: Path) -> None:
    """Quoted cells hold delimiters, doubled quotes and line ends; rows keep the line that they begin on."""
    data = f'service,link,comments\r\n1,{L},"a ""b"", c\r\n\r\nd"\r\n2,{L},5" pipe\r\n3,{L},""\r\n'
    assert read(tmp_path, data) == [
        Row(1, 2, {"service": "1", "link": L, "comments": 'a "b", c\n\nd'}),
        Row(2, 5, {"service": "2", "link": L, "comments": '5" pipe'}),
        Row(3, 6, {"service": "3", "link": L}),
    ]


def test_a_line_of_another_encoding_in_a_cell_of_several(tmp_path: Path) -> None:
    """The row is bad as a whole: its other lines are not taken for rows."""
    data = 'service,comments\n1,"a\né\n9,b"\n2,c\n'.encode("latin-1")
    bad, following = read(tmp_path, data)
    assert isinstance(bad, BadRow)
    assert "not UTF-8" in bad.reason
    assert following == Row(2, 5, {"service": "2", "comments": "c"})


OPEN: list[str] = [
    "",
    '3,"y"\n',
    '3,"y""z"\n',
    "3,y\n" * 6000,
    f"3,{'y' * 150}\n" * 6000,
    f'3,"{"y" * 150}\n' * 3,
]


@pytest.mark.parametrize("after", OPEN, ids=range(len(OPEN)))
def test_an_open_quote_swallows_nothing(tmp_path: Path, after: str) -> None:
    """A quote that is not closed costs its own line; each line after it is a row of its own."""
    rows = read(tmp_path, f'service,link\n1,"x\n2,y\n{after}')
    assert [row.line for row in rows] == list(range(2, 4 + after.count("\n")))
    assert isinstance(rows[0], BadRow)
    assert "a quote opened in line 2, column link (B), is not closed" in rows[0].reason
    assert rows[0].cells == {"service": "1", "link": "x\n"}
    assert rows[1] == Row(2, 3, {"service": "2", "link": "y"})


def test_two_lone_quotes_far_apart(tmp_path: Path) -> None:
    """Rows between two lone quotes are read as one cell by the rules of CSV: that is said, and no order."""
    data = f'service,link,comments\n1,{L},"a\n2,{L},b\n3,{L},c"\n4,{L},"1, 2, 3\n5, {L}"\n'
    bad, fine = read(tmp_path, data)
    assert isinstance(bad, BadRow)
    assert (bad.line, bad.column) == (2, "comments (C)")
    assert "another row" in bad.reason
    assert fine == Row(2, 5, {"service": "4", "link": L, "comments": f"1, 2, 3\n5, {L}"})
    (bad,) = read(tmp_path, 'service,quantity,comments\n1,5,"a\n2,7,c"\n')
    assert isinstance(bad, BadRow)


def test_the_longest_row(tmp_path: Path) -> None:
    """A row has at most 5,000 lines."""
    cell = "\n".join(["x"] * 5000)
    assert good(read(tmp_path, f'service,comments\n1,"{cell}"\n')) == [{"service": "1", "comments": cell}]
    rows = read(tmp_path, f'service,comments\n1,"{cell}\n"\n')
    assert [type(row) for row in rows[:2]] == [BadRow, Row]
    assert len(rows) == 5001


class Counting:
    """Lines of a file, counting how many were taken."""

    def __init__(self, line: str, count: int) -> None:
        self.taken = 0
        self._line, self._count = line, count

    def __iter__(self) -> Iterator[str]:
        while self.taken < self._count:
            self.taken += 1
            yield self._line


@pytest.mark.parametrize("line", ['x","y', '1,"x', '"', '1,"""', '","', '1,"x"y', ',",",', '1,"x""'])
def test_a_file_full_of_faults_is_read_in_one_go(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where each line has a quote too many, no line is scanned often and no more are held than a row may have."""
    scanned = 0
    scan = Records.take

    def counted(self: Records) -> object:
        nonlocal scanned
        scanned += 1
        return scan(self)

    monkeypatch.setattr(Records, "take", counted)
    lines = Counting(line, 30_000)
    for at, _, _ in Records(iter(lines)):
        assert lines.taken <= at + 5000
    assert scanned < 4 * 30_000


def test_a_huge_file_is_not_read_ahead() -> None:
    """Reading a row takes no more of the file than a few blocks."""
    blocks = 0

    def endless(size: int) -> bytes:
        nonlocal blocks
        blocks += 1
        return (f"1,{L},10\n".encode() * size)[:size]

    rows = iter(Records(lines_of(blocks_of(endless, "endless"))))
    for _ in range(100):
        next(rows)
    assert blocks == 1


def test_a_huge_line_is_not_held() -> None:
    """A line without end is given up, and not kept in memory."""
    left = 200

    def zeros(size: int) -> bytes:
        nonlocal left
        left -= 1
        return b"x" * size if left > 0 else b"\ny" if left == 0 else b""

    tracemalloc.start()
    try:
        first, second = lines_of(blocks_of(zeros, "zeros"))
        assert tracemalloc.get_traced_memory()[1] < 4 * 2**20
    finally:
        tracemalloc.stop()
    assert getattr(first, "cut", False)
    assert second == "y"


def test_a_huge_line_in_quotes(tmp_path: Path) -> None:
    """A line that is given up ends the cell that it stands in."""
    rows = read(tmp_path, f'service,comments\n1,"a\n{"x" * 2**21}\n3,b\n')
    assert [(type(row), row.line) for row in rows] == [(BadRow, 2), (BadRow, 3), (Row, 4)]


def test_a_pipe_that_ends_in_the_middle_of_a_character() -> None:
    """Where a file's size is not known before, its end tells that UTF-16 was cut."""
    parts = iter([b"\xff", b"\xfe1", b"\x00\n\x00", b"2", b""])
    lines = lines_of(blocks_of(lambda size: next(parts), "pipe"))
    assert next(lines) == "1"
    with pytest.raises(UsageError, match="pipe ends in the middle of a character"):
        next(lines)


def test_a_file_that_stops_to_be_readable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fails is a UsageError."""

    class Broken(io.FileIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError(5, "Input/output error")

    path = tmp_path / "orders.csv"
    path.touch()
    monkeypatch.setattr(Path, "open", lambda *_, **__: Broken(path))
    with pytest.raises(UsageError, match=r"orders\.csv cannot be read on: Input/output error"):
        list(Source(path))


def test_many_rows_in_little_memory(tmp_path: Path) -> None:
    """The reader's memory does not grow with the file."""
    path = tmp_path / "orders.csv"
    path.write_text(HEAD + "".join(f"{n},{L}/{n},{n}\n" for n in range(1, 50_001)))
    tracemalloc.start()
    try:
        assert sum(row.number for row in Source(path)) == 50_000 * 50_001 // 2
        assert tracemalloc.get_traced_memory()[1] < 2 * 2**20
    finally:
        tracemalloc.stop()


JSON: list[tuple[str, dict[str, str]]] = [
    ('{"service": 1, "link": "x", "quantity": 1000}', {"service": "1", "link": "x", "quantity": "1000"}),
    ('{"service": 12.0, "quantity": 1e3, "runs": null}', {"service": "12", "quantity": "1000"}),
    ('{"Service": "srv", "Type of traffic": "1 000"}', {"service": "srv", "type_of_traffic": "1000"}),
    ('{"service": 1, "comments": ["a: b", "\\"c\\":"]}', {"service": "1", "comments": 'a: b\n"c":'}),
    ('{"service": 1, "comments": "a\\r\\nb", "groups": []}', {"service": "1", "comments": "a\nb"}),
    ('{"service": 1, "#x": {"a": 1}, "_y": true}', {"service": "1"}),
    ('{"service": 1, "field:speed": 5, "username": 7}', {"service": "1", "speed": "5", "username": "7"}),
    ('{"service": 1, "comments": "\'=a"}', {"service": "1", "comments": "'=a"}),
    ('{"service": 1, "quantity": 9007199254740993.0}', {"service": "1", "quantity": "9007199254740993"}),
    ("{}", {}),
]


@pytest.mark.parametrize(("line", "cells"), JSON)
def test_json_lines(tmp_path: Path, line: str, cells: dict[str, str]) -> None:
    """An object a line, with texts, whole numbers and lists of texts."""
    assert read(tmp_path, f"\ufeff\n{line}\r\n\n", "orders.jsonl") == [Row(1, 2, cells)]


BAD_JSON: list[tuple[str, str | None, str]] = [
    ('{"service": 1,', None, "no JSON object"),
    ('{"service": x}', None, "byte 12"),
    ("[1]", None, "must be an object"),
    ('"text"', None, "must be an object"),
    ("null", None, "must be an object"),
    ("[" * 50_000, None, "no JSON object"),
    ('{"service": ' + "9" * 5000 + "}", None, "out of range"),
    ('{"service": 1, "service": 2}', "service", "given twice"),
    ('{"service": 1, "servic\\u0065" :2}', "service", "given twice"),
    ('{"service": 1, "Service": 2}', "Service", "given twice"),
    ('{"service": 1, "run": 2}', "run", "did you mean 'runs'"),
    ('{"service": 1, "": 2}', "", "without a name"),
    ('{"service": true}', "service", "not true or false"),
    ('{"service": {"a": 1}}', "service", "not an object"),
    ('{"service": [1]}', "service", "not a list"),
    ('{"service": 1, "quantity": 1.5}', "quantity", "1.5"),
    ('{"service": 1, "quantity": 1000.00000000000000000001}', "quantity", "whole number"),
    ('{"service": 1, "quantity": 1e300}', "quantity", "whole number"),
    ('{"service": 1, "quantity": -5}', "quantity", "whole number"),
    ('{"service": 1, "quantity": "1.000"}', "quantity", "two ways"),
    ('{"service": 1, "comments": ["a", "b\\nc"]}', "comments", "entry 2 must be one line"),
    ('{"service": 1, "comments": ["a", ""]}', "comments", "entry 2 must be one line"),
    ('{"service": 1, "comments": ["a", 5]}', "comments", "entry 2 must be text"),
    ('{"service": 1, "link": "a\\u0000b"}', "link", "NUL"),
    ('{"service": 1, "link": "' + "x" * 70_000 + '"}', "link", "longer than"),
    ('{"service": 1, "link": "' + "x" * 2**21 + '"}', None, "longer than 1 MB"),
]


@pytest.mark.parametrize(("line", "column", "reason"), BAD_JSON, ids=lambda value: str(value)[:40])
def test_bad_json_lines(tmp_path: Path, line: str, column: str | None, reason: str) -> None:
    """What is no object of texts and whole numbers is a bad row that names the key."""
    first, bad, last = read(tmp_path, f'{{"service": 1}}\n{line}\n{{"service": 3}}', "orders.ndjson")
    assert isinstance(bad, BadRow)
    assert (bad.number, bad.line, bad.column) == (2, 2, column)
    assert reason in bad.reason
    assert (first, last) == (Row(1, 1, {"service": "1"}), Row(3, 3, {"service": "3"}))


def test_one_json_document_is_refused(tmp_path: Path) -> None:
    """An array of objects is not read as if it were lines; and an empty file has no rows."""
    for name, data in (("a.json", '[{"service": 1}]'), ("a.jsonl", '[\n{"service": 1}\n]')):
        with pytest.raises(UsageError, match=r"one JSON array: write one object a line"):
            read(tmp_path, data, name)
    with pytest.raises(UsageError, match="is empty"):
        read(tmp_path, "\n", "a.json")
    assert good(read(tmp_path, '{"service": 1}\n', "b.json")) == [{"service": "1"}]


class Kind(enum.IntEnum):
    VIEWS = 7


class Place(enum.StrEnum):
    MINE = "x"


def test_an_applications_rows() -> None:
    """Mappings are read like JSON objects; a row that is none is a bad row."""
    given: list[dict[str, object]] = [
        {"service": Kind.VIEWS, "link": Place.MINE, "quantity": Decimal(1000), "ref": 5},
        {"service": 2, "expiry": dt.date(2027, 1, 2), "usernames": ("a", "b")},
        {"service": 3, "quantity": float("nan")},
        {"service": 4, "quantity": 2.0**60},
        {5: 1},  # type: ignore[dict-item]
        None,  # type: ignore[list-item]
    ]
    source = Source.of(given, name="mine")
    assert source.name == "mine"
    rows = list(source)
    assert rows[:2] == [
        Row(1, 1, {"service": "7", "link": "x", "quantity": "1000"}, ref="5"),
        Row(2, 2, {"service": "2", "expiry": "02/01/2027", "usernames": "a\nb"}),
    ]
    assert [(type(row), row.number, row.line) for row in rows[2:]] == [(BadRow, n, n) for n in range(3, 7)]
    assert list(source) == rows
    assert list(Source.of([])) == []


def test_how_a_column_is_called(tmp_path: Path) -> None:
    """A later check can name the column as the file does."""
    path = tmp_path / "orders.csv"
    path.write_text("service," + "#," * 25 + " Quantity \n1\n")
    source = Source(path)
    assert source.column("quantity") is None
    assert list(source) == list(source) == [Row(1, 2, {"service": "1"})]
    assert source.column("quantity") == "Quantity (AA)"
    assert source.column("runs") is None
    mine = Source.of([{"service": 1}])
    assert len(list(mine)) == 1
    assert mine.column("quantity") == "quantity"


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="the open files are not to be seen")
def test_the_file_is_closed(tmp_path: Path) -> None:
    """A reader that is left early closes its file."""
    path = tmp_path / "orders.csv"
    path.write_text(HEAD + "1,x,1\n2,x,1\n")

    def is_open() -> bool:
        links = (Path("/proc/self/fd") / fd for fd in os.listdir("/proc/self/fd"))  # noqa: PTH208
        return any(link.exists() and link.readlink() == path for link in links)

    rows = iter(Source(path))
    assert next(rows).number == 1
    assert is_open()
    del rows
    gc.collect()
    assert not is_open()


CSV_ALPHABET = st.sampled_from([*"1,;\t\"\n\r ae0.'\0", "é", "\u2028"])
HEADERS = st.sampled_from(["", "service,link,quantity\n", "sep=;\nservice;quantity;ref\n", "service\tcomments\r"])


@given(st.binary(max_size=200) | st.builds(lambda head, text: (head + text).encode(), HEADERS, st.text(CSV_ALPHABET)))
@example(codecs.BOM_UTF16_LE + UTF16.encode("utf-16-le") + b"\x00\xd8")
@example(codecs.BOM_UTF16_BE + UTF16.encode("utf-16-be") + b"\xd8\x00\x00\x31\x00\x0a")
@example(b"\x0b")
def test_any_bytes_are_rows_or_a_usage_error(folder: Path, data: bytes) -> None:
    """Whatever a file holds: rows whose numbers count up and whose lines grow, or a UsageError."""
    for name in ("any.csv", "any.jsonl", "any.json"):
        try:
            rows = read(folder, data, name)
        except UsageError:
            continue
        assert [row.number for row in rows] == list(range(1, len(rows) + 1))
        lines = [row.line for row in rows]
        assert lines == sorted(set(lines))


@given(
    st.dictionaries(
        st.sampled_from([*FIELDS, "ref", "x", "#x", ""]),
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.floats(allow_nan=False, allow_infinity=False)
            | st.text(max_size=9),
            lambda inner: st.lists(inner),
        ),
        max_size=6,
    )
)
def test_any_json_object_is_a_row(folder: Path, value: dict[str, object]) -> None:
    """Whatever an object holds, it is a row or a bad row, the same from a file and from an application."""
    (row,) = Source.of([value])
    (line,) = read(folder, json.dumps(value), "any.jsonl")
    if isinstance(row, Row):
        assert row == line


@given(
    st.lists(
        st.tuples(
            st.text("09", min_size=1, max_size=9),
            st.text(st.sampled_from([*'a,;\t" =', "\n", "é", "😀", "\u2028", "\x0b"]), max_size=12),
            st.text("ab:/,;", max_size=9),
        ),
        max_size=6,
    ),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-be"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.booleans(),
)
def test_what_was_written_is_read(
    folder: Path, rows: list[tuple[str, str, str]], delimiter: str, encoding: str, end: str, quoting: int, sep: bool
) -> None:
    """Rows that a CSV writer wrote are read back as they were, in each dialect."""
    out = io.StringIO(newline="")
    if sep:
        out.write(f"sep={delimiter}{end}")
    writer = csv.writer(out, delimiter=delimiter, lineterminator=end, quoting=1 if quoting == csv.QUOTE_ALL else 0)
    writer.writerow(["service", "comments", "field:x"])
    writer.writerows((f"s{service}", comments.replace("\n", end), x) for service, comments, x in rows)
    bom = codecs.BOM_UTF16_BE if encoding == "utf-16-be" else b""
    read_back = read(folder, bom + out.getvalue().encode(encoding))
    assert good(read_back) == [
        {"service": f"s{service}"} | {name: text for name, text in (("comments", comments), ("x", x)) if text.strip()}
        for service, comments, x in rows
    ]


def test_a_row_of_an_export_that_was_sent_is_not_ordered_again(folder: Path) -> None:
    """An export is readable as a source; rows that are done, in the air or in doubt need their state emptied first."""
    text = "service,link,quantity,#state\n1,https://e.example/a,9,done\n1,b,9,refused\n1,c,9,in doubt\n1,d,9,\n"
    rows = read(folder, text.encode())
    assert [type(row) for row in rows] == [BadRow, Row, BadRow, Row]
    assert isinstance(rows[0], BadRow)
    assert rows[0].column == "#state (D)"
    assert "is done" in rows[0].reason
