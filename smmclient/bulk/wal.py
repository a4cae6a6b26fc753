"""A look at SQLite's write-ahead log before SQLite takes it in: a torn end is normal, a torn middle is not.

SQLite itself takes the frames up to the first bad one and drops the rest without a word. After a crash that is right:
what follows was never durable. But if the disk has lost a frame in the middle, what is dropped are orders that were
sent, and they would be sent again. So a log with whole transactions behind a bad frame is refused.

The format is SQLite's own (sqlite.org/fileformat2.html, section 4): a header of 32 bytes, then frames of 24 bytes and a
page each. A frame's checksum goes on from that of the frame before it, so each can be checked by itself.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from attrs import frozen

__all__ = ["is_torn_inside"]

_HEADER = struct.Struct(">8I")
_FRAME = struct.Struct(">6I")
_MAGIC = 0x377F0682


@frozen
class _Frame:
    is_good: bool
    is_commit: bool


def is_torn_inside(path: Path) -> bool:
    """Whether committed transactions stand behind a bad frame of the log at that path, or in it.

    One commit alone, there or behind, can be the last write before a power cut, which reached the disk in pieces:
    nobody was told that it was durable. Whether it was is for `smmclient.bulk.mark` to know.
    """
    try:
        with path.open("rb") as file:
            return _is_torn(file)
    except FileNotFoundError:
        return False


def _is_torn(file: BinaryIO) -> bool:
    header = file.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return False
    magic, _, page_size, _, salt_1, salt_2, sum_1, sum_2 = _HEADER.unpack(header)
    if magic & ~1 != _MAGIC or page_size not in {2**n for n in range(9, 17)}:
        # SQLite would take it for an empty log.
        return _holds_more(file)
    order = ">" if magic & 1 else "<"
    if _checksum(header[:24], order, 0, 0) != (sum_1, sum_2):
        return _holds_more(file)
    broken = False
    commits = 0
    for frame in _frames(file, page_size, order, (salt_1, salt_2), (sum_1, sum_2)):
        broken = broken or not frame.is_good
        commits += broken and frame.is_commit
    return commits > 1


def _holds_more(file: BinaryIO) -> bool:
    """A log is never longer than its header before the header is good: that is made durable first."""
    return len(file.read(_FRAME.size)) == _FRAME.size


def _frames(
    file: BinaryIO, page_size: int, order: str, salts: tuple[int, int], sums: tuple[int, int]
) -> Iterator[_Frame]:
    while len(head := file.read(_FRAME.size)) == _FRAME.size:
        page = file.read(page_size)
        if len(page) < page_size:
            return
        number, size, salt_1, salt_2, sum_1, sum_2 = _FRAME.unpack(head)
        if (salt_1, salt_2) != salts:
            # Left from an earlier round of the log, or torn right here.
            yield _Frame(is_good=False, is_commit=False)
        else:
            found = _checksum(page, order, *_checksum(head[:8], order, *sums))
            yield _Frame(is_good=number > 0 and found == (sum_1, sum_2), is_commit=size > 0)
        sums = sum_1, sum_2


def _checksum(octets: bytes, order: str, sum_1: int, sum_2: int) -> tuple[int, int]:
    words = struct.unpack(f"{order}{len(octets) // 4}I", octets)
    for at in range(0, len(words), 2):
        sum_1 = (sum_1 + words[at] + sum_2) & 0xFFFFFFFF
        sum_2 = (sum_2 + words[at + 1] + sum_1) & 0xFFFFFFFF
    return sum_1, sum_2
