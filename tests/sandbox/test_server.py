"""The panel on a socket: what a client that knows nothing of us sees."""

import asyncio
import gc
import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http import HTTPStatus
from typing import Any, Literal
from urllib.parse import urlencode, urlsplit

import pytest
import trio

from smmclient.sandbox import Fault, Limit, Limits, Sandbox, serve

Parser = Literal["httptools", "h11"]

ADD = {"service": 1, "link": "https://example.com/1", "quantity": 1000, "request_id": "r1"}


def post(box: Sandbox, action: str, **fields: object) -> tuple[int, Any]:
    """Post a form as the panels' own examples do, and return status and body."""
    form = urlencode({"key": box.api_key, "action": action, **fields}).encode()
    try:
        with urllib.request.urlopen(box.base_url, form, timeout=5) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.load(refused)


def raw(box: Sandbox, action: str, **fields: object) -> bytes:
    """Post a form over a bare socket, and return every byte until the server closes it or falls silent."""
    url = urlsplit(box.base_url)
    form = urlencode({"key": box.api_key, "action": action, **fields}).encode()
    head = f"POST {url.path} HTTP/1.1\r\nHost: {url.netloc}\r\nConnection: close\r\nContent-Length: {len(form)}"
    with socket.create_connection((url.hostname, url.port), timeout=5) as sock:
        sock.sendall(head.encode() + b"\r\n\r\n" + form)
        return b"".join(iter(lambda: sock.recv(65536), b""))


def until(is_so: Callable[[], bool]) -> None:
    """Return as soon as it is so; fail if that takes seconds."""
    deadline = time.monotonic() + 5
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def content_length(reply: bytes) -> tuple[int, int]:
    """Return the length that a reply promises, and the length of the body it has."""
    head, _, body = reply.partition(b"\r\n\r\n")
    promised = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    return int(promised.split(b":")[1]), len(body)


@pytest.fixture(params=["httptools", "h11"])
def parser(request: pytest.FixtureRequest) -> Parser:
    """Name each of the two parsers."""
    name: Parser = request.param
    return name


@pytest.fixture
def box(parser: Parser) -> Iterator[Sandbox]:
    """Run NotPanel on each of the two parsers."""
    with serve("notpanel", http=parser) as box:
        yield box


@pytest.mark.parametrize(("panel", "path"), [("notpanel", "/api/v2"), ("panelbon", "/app/api/v2"), ("v2", "/api/v2")])
def test_an_order_from_catalog_to_status(panel: str, path: str) -> None:
    """With nothing but form posts a client reads the catalog, orders, and follows the order."""
    with serve(panel, seconds_to_finish=0, troubled=0.0, balance="12.34") as box:
        assert urlsplit(box.base_url).path == path
        assert len(post(box, "services")[1]) > 30
        assert post(box, "balance") == (200, {"balance": "12.34", "currency": "USD"})
        status, added = post(box, "add", **ADD)
        assert status == 200
        assert post(box, "status", order=added["order"])[1]["status"].lower() == "completed"
        assert (str(box.spent), str(box.balance)) == ("0.90000000", "11.44000000")


def test_a_dropped_order_was_made_or_not(box: Sandbox) -> None:
    """Both drops look the same to the customer, who gets no byte; only the panel knows what was done."""
    for fault, orders in ((Fault.DROP_BEFORE, 0), (Fault.DROP_AFTER, 1)):
        box.fail("add", fault)
        assert raw(box, "add", **ADD) == b""
        assert len(box.orders) == orders
    assert [request.status for request in box.requests] == [None, None]


def test_a_cut_body_with_an_honest_length(box: Sandbox) -> None:
    """The cut text has exactly the length that is promised, and is no JSON."""
    box.fail("add", Fault.CUT_JSON)
    reply = raw(box, "add", **ADD)
    promised, got = content_length(reply)
    assert promised == got > 0
    assert b'{"order":"ord_' in reply
    assert not reply.endswith(b"}")


def test_a_connection_that_is_cut_in_the_body(box: Sandbox) -> None:
    """The connection ends before the promised length is reached."""
    box.fail("add", Fault.CUT_CONNECTION)
    promised, got = content_length(raw(box, "add", **ADD))
    assert 0 < got < promised
    assert len(box.orders) == 1


def test_an_empty_body(box: Sandbox) -> None:
    """A 200 with a content-length of 0."""
    box.fail("add", Fault.EMPTY_AFTER)
    reply = raw(box, "add", **ADD)
    assert reply.startswith(b"HTTP/1.1 200 ")
    assert content_length(reply) == (0, 0)


def test_a_late_reply(box: Sandbox) -> None:
    """The order is made at once; the reply comes later."""
    box.fail("add", Fault.LATE, seconds=0.05)
    started = time.monotonic()
    assert post(box, "add", **ADD)[0] == 200
    assert time.monotonic() - started >= 0.05
    assert box.orders[0].made_at - box.requests[0].at == 0


def test_a_late_reply_nobody_waits_for(box: Sandbox) -> None:
    """A client that gives up before the reply finds the order made all the same."""
    box.fail("add", Fault.LATE, seconds=30)
    form = urlencode({"key": box.api_key, "action": "add", **ADD}).encode()
    with pytest.raises(TimeoutError):
        urllib.request.urlopen(box.base_url, form, timeout=0.05)
    until(lambda: len(box.orders) == 1)


def test_half_a_request_is_no_request(box: Sandbox) -> None:
    """A client that hangs up in the middle of its form has asked for nothing."""
    url = urlsplit(box.base_url)
    form = urlencode({"key": box.api_key, "action": "add", **ADD}).encode()
    head = f"POST {url.path} HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Length: {len(form)}\r\n\r\n"
    with socket.create_connection((url.hostname, url.port), timeout=5) as sock:
        sock.sendall(head.encode() + form[:-1])
    assert post(box, "balance")[0] == 200
    assert [request.action for request in box.requests] == ["balance"]


def test_faults_leave_the_server_in_order(box: Sandbox) -> None:
    """After every fault there is, the next request is served."""
    for fault in Fault:
        box.fail("balance", fault, seconds=0.01)
        raw(box, "balance")
        assert post(box, "balance")[0] == 200


def test_connections_are_kept(box: Sandbox) -> None:
    """Many requests go over one connection, refusals too, each with a cookie that nobody has to carry."""
    url = urlsplit(box.base_url)
    connection = http.client.HTTPConnection(url.netloc, timeout=5)
    ports = set()
    for action in ("balance", "nonsense", "services", "balance"):
        connection.request("POST", url.path, urlencode({"key": box.api_key, "action": action}))
        ports.add(connection.sock.getsockname()[1])
        with connection.getresponse() as reply:
            reply.read()
            assert reply.headers["Set-Cookie"].startswith("PHPSESSID=")
            assert reply.headers["Content-Type"] == "application/json"
    connection.close()
    assert len(ports) == 1
    assert not any(request.carried_cookie for request in box.requests)


def test_carried_cookies_are_noted(box: Sandbox) -> None:
    """A client that sends the cookie back is found in the log."""
    form = urlencode({"key": box.api_key, "action": "balance"}).encode()
    request = urllib.request.Request(box.base_url, form, headers={"Cookie": "PHPSESSID=1"})
    urllib.request.urlopen(request, timeout=5).close()
    assert box.requests[-1].carried_cookie


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/api/v2?key=sandbox-key-0000&action=add", None, HTTPStatus.METHOD_NOT_ALLOWED),
        ("PUT", "/api/v2", b"action=balance", HTTPStatus.METHOD_NOT_ALLOWED),
        ("POST", "/", b"action=balance", HTTPStatus.NOT_FOUND),
        ("POST", "/app/api/v2", b"action=balance", HTTPStatus.NOT_FOUND),
        ("POST", "/api/v2", b"x" * 600_000, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
        ("POST", "/api/v2", b'{"action": "balance"}', HTTPStatus.UNAUTHORIZED),
        ("POST", "/api/v2?key=sandbox-key-0000&action=balance", b"", HTTPStatus.UNAUTHORIZED),
        ("POST", "/api/v2", b"%ff%fe=\xff&key=%80", HTTPStatus.UNAUTHORIZED),
    ],
    ids=["get", "put", "root", "other panel's path", "too large", "json", "query", "no text"],
)
def test_only_form_posts_on_the_path(
    box: Sandbox, method: str, path: str, body: bytes | None, status: HTTPStatus
) -> None:
    """Anything but a form post of sensible size on the documented path is refused, in JSON."""
    connection = http.client.HTTPConnection(urlsplit(box.base_url).netloc, timeout=5)
    connection.request(method, path, body)
    reply = connection.getresponse()
    assert (reply.status, list(json.load(reply))) == (status, ["error"])
    assert (reply.headers["Allow"] == "POST") == (status == HTTPStatus.METHOD_NOT_ALLOWED)
    connection.close()
    assert box.count(status=status) == 1


def test_limits_over_the_wire() -> None:
    """Rate limit headers arrive as headers, and the denied request as a 429."""
    with serve("notpanel", limits=Limits(key=Limit(1)), clock=lambda: 90.0) as box:
        replies = [raw(box, "balance").lower() for _ in range(2)]
    assert [reply[9:12] for reply in replies] == [b"200", b"429"]
    assert b"x-ratelimit-reset: 120\r\n" in replies[0]
    assert b"deniedby" not in replies[0]
    assert b"x-ratelimit-deniedby: key\r\n" in replies[1]


def test_it_ends_at_once_whatever_is_going_on(parser: Parser) -> None:
    """With a connection idle and a reply half a minute away, closing takes no time and leaves nothing."""
    threads = threading.active_count()
    with ExitStack() as stack, ThreadPoolExecutor(1) as pool:
        box = stack.enter_context(serve("notpanel", http=parser))
        url = urlsplit(box.base_url)
        stack.enter_context(socket.create_connection((url.hostname, url.port), timeout=5))
        box.fail("add", Fault.LATE, seconds=30)
        waiting = pool.submit(raw, box, "add", **ADD)
        until(lambda: len(box.orders) == 1)
        started = time.monotonic()
        stack.close()
        assert time.monotonic() - started < 0.3
        assert waiting.result(timeout=5) == b""
    assert threading.active_count() == threads
    gc.collect()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((url.hostname, url.port), timeout=5)


def test_connections_that_come_in_at_the_end_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that is accepted while the panel closes is closed too: nothing is left to the collector."""
    left: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: left.append(unraisable.exc_value))
    for n in range(30):
        with ExitStack() as stack, serve("notpanel") as box:
            url = urlsplit(box.base_url)
            for _ in range(n % 4):
                stack.enter_context(socket.create_connection((url.hostname, url.port), timeout=5))
    gc.collect()
    assert left == []


def test_the_body_may_fail() -> None:
    """An exception in the body comes out as it is, and the panel is closed."""
    with pytest.raises(ZeroDivisionError), serve("panelbon") as box:
        raise ZeroDivisionError
    with pytest.raises(urllib.error.URLError):
        post(box, "balance")


def test_a_misspelt_option_is_refused_at_once() -> None:
    """Options are checked before anything is bound."""
    with pytest.raises(TypeError, match="blance"):
        serve("notpanel", blance=5)  # type: ignore[call-arg]


def test_many_customers_at_once(box: Sandbox) -> None:
    """Orders that come in from many threads are all made, once each, and the books agree."""
    box.set_balance(1000)
    with ThreadPoolExecutor(8) as pool:
        asked = [{**ADD, "link": f"https://example.com/{n}", "request_id": n} for n in range(80)]
        replies = list(pool.map(lambda fields: post(box, "add", **fields), asked))
    assert {status for status, _ in replies} == {200}
    assert {body["order"] for _, body in replies} == {order.id for order in box.orders}
    assert len(box.orders) == 80
    assert box.duplicates() == ()
    assert box.balance + box.spent == 1000
    assert box.count("add", 200) == 80


def test_it_runs_beside_asyncio_and_trio() -> None:
    """The panel has a thread of its own, so a test under either loop can use it from inside."""

    async def under_asyncio() -> int:
        with serve("notpanel") as box:
            return (await asyncio.to_thread(post, box, "balance"))[0]

    async def under_trio() -> int:
        with serve("notpanel") as box:
            return (await trio.to_thread.run_sync(lambda: post(box, "balance")))[0]

    assert (asyncio.run(under_asyncio()), trio.run(under_trio)) == (200, 200)


def test_several_panels_at_once() -> None:
    """Panels run side by side on ports of their own, and know nothing of each other."""
    with serve("notpanel") as one, serve("panelbon") as other:
        post(one, "add", **ADD)
        assert (len(one.orders), len(other.orders)) == (1, 0)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com", ""])
def test_only_loopback_unless_meant(host: str) -> None:
    """A host that other machines can reach is refused before anything is bound."""
    with pytest.raises(ValueError, match="expose=True"):
        serve("notpanel", host=host)


def test_exposing_is_possible() -> None:
    """Every address is bound if that is asked for."""
    with serve("notpanel", host="0.0.0.0", expose=True) as box:
        port = urlsplit(box.base_url).port
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    assert box.base_url.startswith("http://0.0.0.0:")


def test_a_port_that_is_taken() -> None:
    """A port in use raises OSError in the caller's thread."""
    with serve("notpanel") as box, pytest.raises(OSError, match="use"):  # noqa: SIM117
        with serve("notpanel", port=urlsplit(box.base_url).port or 0):
            pass


def test_a_server_that_cannot_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes wrong in the server's thread before it listens is raised to the caller, who does not hang."""

    def fail(*args: object) -> None:
        raise OSError("no more sockets")

    monkeypatch.setattr(asyncio.SelectorEventLoop, "add_reader", fail)
    with pytest.raises(OSError, match="no more sockets"), serve("notpanel"):
        pass


def test_replies_are_not_held_back(box: Sandbox) -> None:
    """On a kept connection replies come without the 40 ms that a socket with Nagle's algorithm would add."""
    url = urlsplit(box.base_url)
    connection = http.client.HTTPConnection(url.netloc, timeout=5)
    form = urlencode({"key": box.api_key, "action": "balance"})
    times = []
    for _ in range(20):
        started = time.monotonic()
        connection.request("POST", url.path, form)
        with connection.getresponse() as reply:
            reply.read()
        times.append(time.monotonic() - started)
    connection.close()
    assert sorted(times)[10] < 0.03


FOREGROUND = """
import sys
from smmclient.sandbox import run
run("panelbon", port=0, ready=lambda box: print(box.base_url, flush=True))
print("over")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no Ctrl-C for a child of ours")
def test_foreground_until_ctrl_c() -> None:
    """In the foreground the panel serves until Ctrl-C, prints nothing, and lets the program go on."""
    command = [sys.executable, "-W", "error", "-X", "dev", "-c", FOREGROUND]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        url = child.stdout.readline().strip()
        with pytest.raises(urllib.error.HTTPError, match="401") as refused:
            urllib.request.urlopen(url, b"action=balance", timeout=5)
        refused.value.close()
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=10)
    assert (child.returncode, out, err) == (0, "over\n", "")
