"""Reading a reply's body within its bounds, whatever the panel sends."""

from __future__ import annotations

import time
import zlib

from smmclient.wire import BodyTooLarge, Delivery, TransportFailed

__all__ = ["ACCEPT_ENCODING", "BodyReader", "lost"]

#: All that is asked for, because its expansion can be bounded while it is read.
ACCEPT_ENCODING = "gzip"


def lost(reason: str, *, timed_out: bool = False) -> TransportFailed:
    """The failure of a request that may have arrived."""
    return TransportFailed(reason, delivery=Delivery.MAYBE_SENT, timed_out=timed_out)


class BodyReader:
    """Collects the chunks of one body; bounds its size, also unpacked, and the time it may trickle."""

    def __init__(self, *, encoding: str, limit: int, seconds: float) -> None:
        encoding = encoding.strip().lower()
        if encoding not in ("", "identity", "gzip", "x-gzip"):
            raise lost(f"the reply's content encoding {encoding[:20]!r} was not asked for")
        self._gzip = zlib.decompressobj(wbits=31) if "gzip" in encoding else None
        self._limit = limit
        self._size = 0
        self._until = time.monotonic() + seconds
        self._chunks: list[bytes] = []

    def feed(self, chunk: bytes) -> None:
        """Take one more chunk as it came from the wire."""
        if self._gzip is not None:
            try:
                # One byte more than may be, so that an overflow shows.
                chunk = self._gzip.decompress(chunk, self._limit - self._size + 1)
            except zlib.error:
                raise lost("the reply's gzip encoding is broken") from None
        self._size += len(chunk)
        if self._size > self._limit:
            raise BodyTooLarge(self._limit)
        self._chunks.append(chunk)
        if time.monotonic() > self._until:
            raise lost("the reply's body trickled for too long")

    def finish(self) -> bytes:
        """Return the whole body."""
        body = b"".join(self._chunks)
        if self._gzip is not None and self._size and not self._gzip.eof:
            raise lost("the reply's gzip encoding is cut")
        return body
