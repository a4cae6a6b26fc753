"""Deliveries kept as they came, for `smm webhook learn`: whatever is sent, proven or not."""

from __future__ import annotations

import errno
import json
import os
import shlex
import stat
from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from smmclient.cli.outcome import CallError
from smmclient.cli.webhook.refusals import refuse
from smmclient.errors import WebhookRejected
from smmclient.webhooks import Scheme, WebhookEvent, parse
from smmclient.webhooks.bodies import STATUSES, App, Gone, Message, Receive, Send, read_body

__all__ = ["Recorder", "Recording", "Unverified"]

#: Bytes that a recording may grow to: anybody can send to a public address.
_LARGEST = 64 * 1024 * 1024


class Recording:
    """A file with a delivery on each line as JSON: at, path, headers, body. Use it as a context manager.

    Only its owner may read it. It is appended to; raises `CallError` where it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
        except OSError as error:
            raise self._cannot(error) from error
        told = os.fstat(self._file)
        if not stat.S_ISREG(told.st_mode):
            os.close(self._file)
            raise CallError(f"{path} is no regular file", hint="name a file that deliveries can be kept in")
        if os.name == "posix" and told.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            os.close(self._file)
            raise CallError(
                f"other users can read or write {path}, and it is to hold what a panel sends",
                hint=f"chmod 600 {shlex.quote(str(path))}, or name another file",
            )
        self._size = told.st_size
        #: What a crash has cut off must not swallow the next one.
        self._is_torn = bool(self._size) and self._last() != b"\n"

    def _last(self) -> bytes:
        os.lseek(self._file, -1, os.SEEK_END)
        return os.read(self._file, 1)

    def keep(self, scope: Message, body: bytes, *, at: float) -> bool:
        """Write one delivery; False where the file has grown as large as it may."""
        headers = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in scope["headers"]]
        # A body that is no UTF-8 comes back to the byte: what stands for its odd bytes is escaped in JSON.
        told = {"at": at, "path": scope["path"], "headers": headers, "body": body.decode("utf-8", "surrogateescape")}
        line = f"{chr(10) if self._is_torn else ''}{json.dumps(told)}\n".encode()
        if self._size + len(line) > _LARGEST:
            return False
        # Torn until it is known to be whole: a disk can be full in the middle.
        self._is_torn = True
        try:
            written = os.write(self._file, line)
        except OSError as error:
            raise self._cannot(error) from error
        if written < len(line):
            raise self._cannot(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
        self._size += len(line)
        self._is_torn = False
        return True

    def _cannot(self, error: OSError) -> CallError:
        return CallError(
            f"{str(self._path)[:200]} cannot be written: {error.strerror}", hint="name another file with --record"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        os.close(self._file)


class Recorder:
    """Records each delivery, then hands it on as it came; ``fail`` hears of a file that cannot be written."""

    def __init__(
        self, app: App, recording: Recording, *, clock: Callable[[], float], fail: Callable[[CallError | None], None]
    ) -> None:
        self._app, self._recording, self._clock, self._fail = app, recording, clock, fail

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one request of an ASGI server."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        try:
            body = await read_body(receive)
        except WebhookRejected as error:
            await refuse(send, STATUSES[error.check], error.check)
            return
        except Gone:
            return
        try:
            if not self._recording.keep(scope, body, at=self._clock()):
                self._fail(None)
        except CallError as error:
            # It is sent again once there is somebody who can keep it.
            self._fail(error)
            await refuse(send, 503, "record")
            return
        kept = deque[Message]([{"type": "http.request", "body": body, "more_body": False}])

        async def again() -> Message:
            return kept.popleft() if kept else await receive()

        await self._app(scope, again, send)


class Unverified:
    """Takes every delivery without a proof, where there is no secret yet; ``tell`` gets what it may say, or None."""

    def __init__(self, tell: Callable[[WebhookEvent | None], None], *, scheme: Scheme) -> None:
        self._tell, self._scheme = tell, scheme

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one request of an ASGI server."""
        if scope["method"] != "POST":
            await refuse(send, 405, "method")
            return
        try:
            event = parse(await read_body(receive), scheme=self._scheme)
        except WebhookRejected:
            event = None
        try:
            self._tell(event)
        except OSError:
            await refuse(send, 503, "output")
            return
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})
