"""Reading a reply within its bounds, whatever the panel sends, and the failures that are met on the way."""

from __future__ import annotations

import functools
import time
import zlib
from collections.abc import AsyncIterable, Iterable

from attrs import frozen

from smmclient.wire import BodyTooLarge, Delivery, TransportFailed, WireReply, WireRequest

__all__ = ["ACCEPT_ENCODING", "Answer", "lost", "not_sent", "read"]

#: All that is asked for, because its expansion can be bounded while it is read.
ACCEPT_ENCODING = "gzip"


def not_sent(reason: str, *, timed_out: bool = False) -> TransportFailed:
    """The failure of a request of which no byte has left."""
    return TransportFailed(reason, delivery=Delivery.NOT_SENT, timed_out=timed_out)


def lost(reason: str, *, timed_out: bool = False) -> TransportFailed:
    """The failure of a request that may have arrived."""
    return TransportFailed(reason, delivery=Delivery.MAYBE_SENT, timed_out=timed_out)


@frozen
class Answer:
    """The head of a reply as an HTTP library gives it, and its body's bytes as they come from the wire.

    ``chunks`` is one piece of bytes where all of the body has come with the head.
    """

    status: int
    headers: Iterable[tuple[bytes, bytes]]
    chunks: AsyncIterable[bytes] | bytes


async def read(answer: Answer, request: WireRequest) -> WireReply:
    """Return the whole reply; raises `TransportFailed` where its body passes its bounds or cannot be unpacked."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in answer.headers:
        name, value = _name(raw_name), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    body = _Body(headers.get("content-encoding", ""), limit=request.max_body, seconds=request.timeouts.body)
    if isinstance(answer.chunks, bytes):
        return WireReply(answer.status, headers, body.whole(answer.chunks))
    async for chunk in answer.chunks:
        body.feed(chunk)
    return WireReply(answer.status, headers, body.finish())


@functools.lru_cache(maxsize=512)
def _name(raw: bytes) -> str:
    """A header's name: panels send the same few again and again."""
    return raw.decode("latin-1").lower()


class _Body:
    """Collects the chunks of one body; bounds its size, also unpacked, and the time it may trickle."""

    def __init__(self, encoding: str, *, limit: int, seconds: float) -> None:
        encoding = encoding.strip().lower()
        if encoding not in ("", "identity", "gzip", "x-gzip"):
            raise lost("the reply came in a content encoding that was not asked for")
        self._gzip = zlib.decompressobj(wbits=31) if "gzip" in encoding else None
        self._limit = limit
        self._until = time.monotonic() + seconds
        # Not a list of chunks: a server that sends two bytes at a time would make that many times the limit.
        self._bytes = bytearray()
        self._empty = True

    def feed(self, chunk: bytes) -> None:
        """Take one more chunk as it came from the wire."""
        self._empty = self._empty and not chunk
        self._bytes += chunk if self._gzip is None else self._unpack(self._gzip, chunk)
        if len(self._bytes) > self._limit:
            raise BodyTooLarge(self._limit)
        if time.monotonic() > self._until:
            raise lost("the reply's body trickled for too long", timed_out=True)

    def whole(self, body: bytes) -> bytes:
        """Return a body that came in one piece."""
        if self._gzip is None and len(body) <= self._limit:
            return body
        self.feed(body)
        return self.finish()

    def _unpack(self, gzip: zlib._Decompress, chunk: bytes) -> bytes:
        try:
            # One byte more than may be, so that an overflow shows.
            unpacked = gzip.decompress(chunk, self._limit - len(self._bytes) + 1)
        except zlib.error:
            raise lost("the reply's gzip encoding is broken") from None
        if gzip.unused_data:
            # Kept by zlib without a bound.
            raise lost("bytes follow the end of the reply's gzip encoding")
        return unpacked

    def finish(self) -> bytes:
        """Return the whole body."""
        if self._gzip is not None and not self._gzip.eof and not self._empty:
            raise lost("the reply's gzip encoding is cut")
        return bytes(self._bytes)
