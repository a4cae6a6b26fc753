"""A panel on a loopback port that answers as a test wants it to, and counts what reaches it."""

from __future__ import annotations

import itertools
import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from typing import cast
from urllib.parse import parse_qsl

from attrs import define, field

#: What the panel sends back for one request: raw bytes, or None to close the connection without a byte.
Answer = bytes | None
Behaviour = Callable[["Loopback", dict[str, str]], Answer]


def http(status: int, body: object, headers: str = "") -> bytes:
    """A whole HTTP reply; what is not text is sent as JSON."""
    text = body if isinstance(body, str) else json.dumps(body)
    kind = "text/html" if text.startswith("<") else "application/json"
    length = len(text.encode())
    head = f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n"
    return f"{head}{headers}\r\n{text}".encode()


@define
class Loopback:
    """A panel on a loopback port that counts what reaches it. ``behaviour`` answers each request."""

    behaviour: Behaviour
    port: int = 0
    #: The forms that arrived.
    forms: list[dict[str, str]] = field(factory=list)
    #: The orders that were placed, by request_id where one was sent, as a panel with idempotency keys does.
    orders: dict[str, str] = field(factory=dict)
    #: Set while a request is being held by `hold`.
    holding: threading.Event = field(factory=threading.Event)
    release: threading.Event = field(factory=threading.Event)
    _numbers: Iterator[int] = field(factory=lambda: itertools.count(1))

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}/api/v2"

    def place(self, form: dict[str, str]) -> bytes:
        """Do what was asked for and answer as a good panel."""
        match form["action"]:
            case "add":
                name = form.get("request_id") or f"unkeyed {next(self._numbers)}"
                order = self.orders.setdefault(name, f"ord_{len(self.orders) + 1}")
                return http(200, {"order": order})
            case "balance":
                return http(200, {"balance": "1.50", "currency": "USD"})
            case "cancel":
                name = f"cancel {next(self._numbers)}"
                self.orders[name] = name
                return http(
                    200, [{"order": one, "cancel": 1} for one in form.get("orders", form.get("order", "")).split(",")]
                )
            case "webhook.add" | "webhook.remove" as action:
                name = f"{action} {next(self._numbers)}"
                self.orders[name] = name
                return http(200, {"id": form.get("id", "wh_1"), "secret": "whsec_0123456789abcdef"})
        raise AssertionError(form)

    def hold(self, form: dict[str, str]) -> None:
        """Keep the request until the test lets it go."""
        self.holding.set()
        self.release.wait(5)


class Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        """Read one request and answer it as the behaviour says."""
        line = self.rfile.readline()
        if not line:
            return
        length = 0
        while (header := self.rfile.readline()) not in (b"\r\n", b""):
            name, _, value = header.decode().partition(":")
            if name.lower() == "content-length":
                length = int(value)
        form = dict(parse_qsl(self.rfile.read(length).decode(), keep_blank_values=True))
        panel = cast("Server", self.server).panel
        panel.forms.append(form)
        answer = panel.behaviour(panel, form)
        if answer is not None:
            try:
                self.wfile.write(answer)
            except OSError:
                # The client has gone: it was cancelled, or gave up waiting.
                return


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 256
    panel: Loopback
