"""A panel without a network, on a clock that the test turns, and a receiver of what it pushes."""

from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from sandbox_receiver import ADD, LONG, Receiver, listening
from smmclient.sandbox import Options, Sandbox
from smmclient.sandbox.dialects import find_dialect
from smmclient.sandbox.server import build


@pytest.fixture
def clock() -> SimpleNamespace:
    """Give the time as `clock.now`, in unix seconds: 2024-11-15 12:00:00."""
    return SimpleNamespace(now=1_731_672_000.0)


@pytest.fixture
def open_box(clock: SimpleNamespace) -> Callable[..., Sandbox]:
    """Give a function that opens a panel by name, where every order comes out well."""

    def open_box(panel: str, **options: Any) -> Sandbox:
        chosen: Options = {"clock": lambda: clock.now, "seconds_to_finish": 10.0, "troubled": 0.0}
        chosen.update(options)  # type: ignore[typeddict-item]
        return build(find_dialect(panel), base_url="", options=chosen)

    return open_box


@pytest.fixture
def ask() -> Callable[..., tuple[int, Any]]:
    """Give a function that posts a form with the sandbox's key and returns status and body."""

    def ask(box: Sandbox, action: str, fields: Mapping[str, object] | None = None, /, **more: object) -> Any:
        form = {"key": box.api_key, "action": action, **(fields or {}), **more}
        reply = box.handle({name: str(value) for name, value in form.items()})
        return reply.status, msgspec.json.decode(reply.body)

    return ask


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Run a receiver."""
    with listening() as server:
        yield server


@pytest.fixture
def finish(ask: Callable[..., tuple[int, Any]], clock: SimpleNamespace) -> Callable[..., str]:
    """Give a function that makes an order, lets it end, has the sandbox send what is due, and returns its id."""

    def finish(box: Sandbox, **more: object) -> str:
        number = len(box.orders) + 1
        asked = {**ADD, "request_id": number, "link": f"https://example.com/{number}"} | more
        status, added = ask(box, "add", asked)
        assert status == 200, added
        clock.now += LONG
        box.webhooks.deliver_due()
        order: str = added["order"]
        return order

    return finish
