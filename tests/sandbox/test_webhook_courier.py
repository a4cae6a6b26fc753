"""Deliveries while a sandbox runs: by themselves, many at once, and without holding anybody up."""

import http.client
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from sandbox_receiver import ADD, LONG, Receiver, answer, listening
from smmclient.sandbox import Limits, Outcome, Sandbox, serve


def post_form(box: Sandbox, action: str, **fields: object) -> Any:
    """Post a form over HTTP, and return the body of the answer."""
    url = urlsplit(box.base_url)
    connection = http.client.HTTPConnection(url.netloc, timeout=5)
    connection.request("POST", url.path, urlencode({"key": box.api_key, "action": action, **fields}))
    with connection.getresponse() as reply:
        body = json.load(reply)
    connection.close()
    return body


def test_a_running_sandbox_delivers_by_itself(receiver: Receiver) -> None:
    """Nobody asks the panel for anything, and the event comes when the order ends."""
    with serve("notpanel", seconds_to_finish=0.1, troubled=0.0) as box:
        added = post_form(box, "webhook.add", url=receiver.url)
        order = post_form(box, "add", **ADD)["order"]
        (post,) = receiver.wait_for(1)
        assert box.webhooks.wait_until_idle()
        (delivery,) = box.webhooks.deliveries
    assert post.is_signed_with(added["secret"])
    assert post.content["data"]["order"] == order
    assert delivery.attempts[0].at >= delivery.happened_at
    assert abs(int(post.headers["x-webhook-timestamp"]) - time.time()) < 60


def test_what_the_owner_does_is_told_at_once(receiver: Receiver) -> None:
    """A balance that is set below the threshold wakes the sender, and so does a repetition that is due."""
    with serve("notpanel", webhook_retries=(0.01,)) as box:
        box.webhooks.register(receiver.url)
        receiver.script = [answer(503)]
        box.set_balance(1)
        assert [post.content["event"] for post in receiver.wait_for(2)] == ["balance.low"] * 2
        assert box.webhooks.wait_until_idle()
        assert [each.status for each in box.webhooks.deliveries[0].attempts] == [503, 200]


def test_a_thousand_orders_end_within_a_second(receiver: Receiver) -> None:
    """Every event comes once, and signed; and the panel answers meanwhile."""
    with serve("notpanel", limits=Limits(), balance=10_000, seconds_to_finish=0.5, troubled=0.0) as box:
        hook = box.webhooks.register(receiver.url)
        for n in range(1000):
            form = {"key": box.api_key, "action": "add", **ADD, "request_id": n, "link": f"https://example.com/{n}"}
            box.handle({name: str(value) for name, value in form.items()})
        receiver.wait_for(1)
        assert "balance" in post_form(box, "balance")
        receiver.wait_for(1000)
        assert box.webhooks.wait_until_idle()
        deliveries, orders = box.webhooks.deliveries, box.orders
    assert Counter(post.content["id"] for post in receiver.posts) == Counter(each.id for each in deliveries)
    assert {post.content["data"]["order"] for post in receiver.posts} == {order.id for order in orders}
    assert len(receiver.posts) == len(orders) == 1000
    assert all(post.is_signed_with(hook.secret) for post in receiver.posts)


def test_what_is_about_one_order_comes_in_order(receiver: Receiver) -> None:
    """Many events are sent at once, but those of one order never overtake each other."""
    with serve("notpanel", limits=Limits(), balance=10_000, seconds_to_finish=0.0, troubled=1.0) as box:
        box.webhooks.register(receiver.url)
        for n in range(100):
            post_form(box, "add", **{**ADD, "request_id": n})
        assert box.webhooks.wait_until_idle()
    came: dict[str, list[str]] = {}
    for post in receiver.posts:
        came.setdefault(post.content["data"]["order"], []).append(post.content["event"])
    assert len(came) == 100
    assert {tuple(events) for events in came.values()} == {
        ("order.failed", "order.refunded"),
        ("order.refunded",),
    }


def test_a_slow_endpoint_holds_up_nobody(receiver: Receiver) -> None:
    """While one endpoint does not answer, another is told at once; and the sandbox closes at once, leaving nothing."""
    released = threading.Event()

    def hold() -> Iterator[bytes]:
        released.wait(10)
        yield answer(200)

    with listening() as slow:
        slow.script = [hold] * 20
        with serve("notpanel", seconds_to_finish=0.0, troubled=0.0) as box:
            box.webhooks.register(slow.url)
            box.webhooks.register(receiver.url)
            for n in range(20):
                post_form(box, "add", **{**ADD, "request_id": n})
            receiver.wait_for(20)
            slow.wait_for(1)
            assert not box.webhooks.wait_until_idle(0)
            started = time.monotonic()
        assert time.monotonic() - started < 1
        assert not any(thread.name.startswith("sandbox") for thread in threading.enumerate())
        assert {each.outcome for each in box.webhooks.deliveries if each.url == slow.url} == {Outcome.WAITING}
        released.set()


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_an_endpoint_that_says_nothing_does_not_hold_up_the_end(scheme: str) -> None:
    """It takes the connection and never answers, nor shakes hands: the sandbox closes at once, leaving no thread."""
    taken: list[socket.socket] = []
    came = threading.Event()

    def take() -> None:
        with suppress(OSError):
            while True:
                connection, _ = silent.accept()
                taken.append(connection)
                # Something was said: it is waiting for the answer.
                connection.recv(1)
                came.set()

    with socket.create_server(("127.0.0.1", 0)) as silent:
        thread = threading.Thread(target=take)
        thread.start()
        with serve("notpanel", seconds_to_finish=0.0, troubled=0.0) as box:
            box.webhooks.register(f"{scheme}://127.0.0.1:{silent.getsockname()[1]}/")
            post_form(box, "add", **ADD)
            assert came.wait(5)
            started = time.monotonic()
        assert time.monotonic() - started < 0.9
        assert not any(thread.name.startswith("sandbox") for thread in threading.enumerate())
        assert [attempt.status for each in box.webhooks.deliveries for attempt in each.attempts] == [None]
        silent.shutdown(socket.SHUT_RDWR)
        thread.join()
    for connection in taken:
        connection.close()


def test_with_a_clock_of_ones_own_nothing_is_sent_by_itself(receiver: Receiver, clock: SimpleNamespace) -> None:
    """A running sandbox whose clock is turned by hand sends when it is told to."""
    with serve("notpanel", clock=lambda: clock.now) as box:
        box.webhooks.register(receiver.url)
        post_form(box, "add", **ADD)
        clock.now += LONG
        post_form(box, "balance")
        assert not any(thread.name.startswith("sandbox-webhooks") for thread in threading.enumerate())
        assert receiver.posts == []
        assert box.webhooks.deliver_due() == 1
        assert len(receiver.posts) == 1


def test_connections_are_kept_and_looked_at_before_use(receiver: Receiver) -> None:
    """Deliveries share a connection; one that the receiver closed meanwhile is not used, which costs no attempt."""
    with serve("notpanel", seconds_to_finish=0.0, troubled=0.0) as box:
        box.webhooks.register(receiver.url)
        # It closes after this answer, which does not say so: the words are another header's.
        receiver.script = [answer(200), answer(200, "X-Note: connection: close")]
        for n, count in enumerate((1, 2, 3)):
            box.set_balance(1000)
            box.set_balance(n)
            receiver.wait_for(count)
            if count == 2:
                assert receiver.has_closed.wait(5)
            assert box.webhooks.wait_until_idle()
        deliveries = box.webhooks.deliveries
    first, second, third = (post.port for post in receiver.posts)
    assert first == second != third
    assert [len(delivery.attempts) for delivery in deliveries] == [1, 1, 1]
