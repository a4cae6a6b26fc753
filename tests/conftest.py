"""What all tests share: both event loops, a guard around the network, and a panel that misbehaves on demand."""

from __future__ import annotations

import ipaddress
import os
import socket
import threading
from collections.abc import Callable, Iterator

import hypothesis
import pytest

from loopback import Behaviour, Handler, Loopback, Server
from smmclient import registry

# A slow machine is no failure; and what CI tries is the same each time, so that it never fails for another's change.
hypothesis.settings.register_profile("here", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("here")


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Each test that asks for it runs on both event loops."""
    return str(request.param)


@pytest.fixture(autouse=True)
def _own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test makes known to `connect` is forgotten with it."""
    monkeypatch.setattr(registry, "_registered", dict(registry._registered))


@pytest.fixture(autouse=True)
def _only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that reaches for the outside fails."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        if isinstance(address, tuple):
            host = str(address[0])
            allowed = host == "localhost" or (
                (host[0].isdigit() or ":" in host) and ipaddress.ip_address(host).is_loopback
            )
            assert allowed, f"a test tried to connect to {host}"
        return connect(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture
def loopback() -> Iterator[Callable[[Behaviour], Loopback]]:
    """Start panels on loopback ports, each with a behaviour; all end with the test."""
    servers: list[tuple[Server, Loopback]] = []

    def start(behaviour: Behaviour) -> Loopback:
        panel = Loopback(behaviour)
        server = Server(("127.0.0.1", 0), Handler)
        server.panel = panel
        panel.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append((server, panel))
        return panel

    yield start
    for server, panel in servers:
        panel.release.set()
        server.shutdown()
        server.server_close()


@pytest.fixture
def closed_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
