"""The POST itself, to this machine and to no other, bounded in time and in what is read.

Written on a socket, because what counts here is exact: the bytes of a replay, one deadline over all of an attempt, a
kept connection that is looked at before it is used, and no name that is ever looked up.
"""

import select
import socket
import ssl
import time
from contextlib import suppress
from urllib.parse import SplitResult, urlsplit

from .hooks import loopback_addresses
from .letters import Letter

TIMEOUT = 5.0
"""Seconds for one attempt, from the connection to the end of the answer."""

_LARGEST_HEAD = 64 * 1024
_LARGEST_BODY = 64 * 1024


class _NoAnswer(Exception):
    """What came is no answer in HTTP."""


class Sender:
    """Posts letters, one at a time, over connections that are kept."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], socket.socket] = {}
        self._current: socket.socket | None = None
        self._is_aborted = False

    def post(self, letter: Letter) -> int | None:
        """Return the status that the letter was answered with, or None if there was no answer in time."""
        deadline = time.monotonic() + TIMEOUT
        url = urlsplit(letter.url)
        origin = (url.scheme, url.netloc)
        sock = None
        try:
            sock = self._current = self._take(origin) or self._connect(url, deadline)
            # Whoever aborts says so first and then looks for a socket: one of the two sees the other.
            status, may_be_kept = (
                (None, False) if self._is_aborted else _exchange(sock, _request(letter, url), deadline)
            )
        except (OSError, _NoAnswer):
            status, may_be_kept = None, False
        self._current = None
        if sock is not None:
            if may_be_kept and not self._is_aborted:
                self._kept[origin] = sock
            else:
                sock.close()
        return status

    def abort(self) -> None:
        """End what another thread is waiting for here, and keep no connection from now on."""
        self._is_aborted = True
        if (sock := self._current) is not None:
            # TLS's own shutdown would take from the other thread what it works with.
            with suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connections that are kept."""
        while self._kept:
            self._kept.popitem()[1].close()

    def _take(self, origin: tuple[str, str]) -> socket.socket | None:
        """Return the kept connection, unless its end or anything else has come over it."""
        sock = self._kept.pop(origin, None)
        if sock is not None and _has_something(sock):
            sock.close()
            return None
        return sock

    def _connect(self, url: SplitResult, deadline: float) -> socket.socket:
        port = url.port or (443 if url.scheme == "https" else 80)
        failure: OSError = ConnectionRefusedError("not on this machine")
        for address in loopback_addresses(url.hostname or ""):
            sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
            self._current = sock
            try:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.settimeout(_left(deadline))
                sock.connect((address, port))
                if url.scheme == "https":
                    sock = self._secured(sock, url.hostname, deadline)
            except OSError as refused:
                sock.close()
                failure = refused
            else:
                return sock
        raise failure

    def _secured(self, plain: socket.socket, name: str | None, deadline: float) -> socket.socket:
        """Shake hands over the connection, on a socket that `abort` knows before anybody has to be waited for."""
        sock = ssl.create_default_context().wrap_socket(plain, server_hostname=name, do_handshake_on_connect=False)
        self._current = sock
        try:
            if self._is_aborted:
                raise ConnectionAbortedError
            sock.settimeout(_left(deadline))
            sock.do_handshake()
        except OSError:
            # It has taken the connection over: who called has none to close.
            sock.close()
            raise
        return sock


def _request(letter: Letter, url: SplitResult) -> bytes:
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    headers = {
        "host": url.netloc,
        "user-agent": "smmclient-sandbox",
        **letter.headers,
        "content-length": str(len(letter.body)),
    }
    lines = [f"POST {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + letter.body


def _exchange(sock: socket.socket, request: bytes, deadline: float) -> tuple[int, bool]:
    """Send the request; return the status of the answer, and whether the connection is free for another."""
    sock.settimeout(_left(deadline))
    sock.sendall(request)
    came = b""
    while True:
        while b"\r\n\r\n" not in came:
            if len(came) > _LARGEST_HEAD:
                raise _NoAnswer
            came += _receive(sock, deadline)
        head, _, came = came.partition(b"\r\n\r\n")
        line, *fields = head.split(b"\r\n")
        version, _, rest = line.partition(b" ")
        if version not in (b"HTTP/1.1", b"HTTP/1.0") or len(rest) < 3 or not rest[:3].isdigit():
            raise _NoAnswer
        status = int(rest[:3])
        # 1xx: the answer itself is still to come.
        if status >= 200:
            break
    headers = {name.strip().lower(): value.strip().lower() for name, _, value in (f.partition(b":") for f in fields)}
    length = b"0" if status == 204 else headers.get(b"content-length", b"")
    is_kept = version == b"HTTP/1.1" and headers.get(b"connection") != b"close"
    if not is_kept or b"transfer-encoding" in headers or not length.isdigit() or len(length) > 9:
        return status, False
    # What the body says is of no interest, only where it ends.
    missing = int(length) - len(came)
    if not 0 <= missing <= _LARGEST_BODY:
        return status, False
    with suppress(OSError, _NoAnswer):
        while missing > 0:
            missing -= len(_receive(sock, deadline))
    return status, missing == 0


def _receive(sock: socket.socket, deadline: float) -> bytes:
    sock.settimeout(_left(deadline))
    if not (got := sock.recv(16 * 1024)):
        raise _NoAnswer
    return got


def _left(deadline: float) -> float:
    if (left := deadline - time.monotonic()) <= 0:
        raise TimeoutError
    return left


def _has_something(sock: socket.socket) -> bool:
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        return bool(poll.poll(0))
    return bool(select.select([sock], [], [], 0)[0])
