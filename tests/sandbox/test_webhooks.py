"""What NotPanel pushes: who is told what, how it is signed, and what is repeated."""

import hashlib
import hmac
import ssl
import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import trustme

from sandbox_receiver import ADD, LONG, Receiver, answer
from smmclient.sandbox import Limits, Outcome, Sandbox, Signing
from smmclient.sandbox.webhooks import sender

OpenBox = Callable[..., Sandbox]
Ask = Callable[..., tuple[int, Any]]
Finish = Callable[..., str]

ALL = ["order.completed", "order.failed", "order.refunded", "balance.low"]


# -- endpoints ----------------------------------------------------------------------------------------------


def test_an_endpoint_is_added_listed_and_removed(open_box: OpenBox, ask: Ask) -> None:
    """`webhook.add` answers with id, url, events and a secret; the list has all but the secret."""
    box = open_box("notpanel")
    status, added = ask(box, "webhook.add", url="http://127.0.0.1:9/x")
    shown = {"id": added["id"], "url": "http://127.0.0.1:9/x", "events": ALL}
    assert (status, added) == (200, {**shown, "secret": added["secret"]})
    assert len(bytes.fromhex(added["secret"])) == 32
    assert ask(box, "webhook.list") == (200, [shown])
    assert ask(box, "webhook.remove", id=added["id"]) == (200, {"id": added["id"], "removed": True})
    assert ask(box, "webhook.list") == (200, [])
    assert ask(box, "webhook.remove", id=added["id"]) == (400, {"error": "Incorrect webhook ID"})


def test_every_endpoint_has_a_secret_of_its_own(open_box: OpenBox) -> None:
    """One url added twice is two endpoints with two secrets, which no repr shows."""
    box = open_box("notpanel")
    one, other = (box.webhooks.register("http://localhost:9/") for _ in range(2))
    assert one.secret != other.secret
    assert one.secret not in repr(one)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://example.com/hook", "this sandbox delivers to this machine only"),
        ("http://192.168.0.1/", "this sandbox delivers to this machine only"),
        ("http://127.0.0.1.example.com/", "this sandbox delivers to this machine only"),
        ("http://127.1/", "this sandbox delivers to this machine only"),
        ("http://2130706433/", "this sandbox delivers to this machine only"),
        ("http://[::ffff:8.8.8.8]/", "this sandbox delivers to this machine only"),
        ("http://127.0.0.1@example.com/", "not a url"),
        ("http://example.com\\@127.0.0.1/", "not a url"),
        ("http://127.0.0.1:99999/", "not a url"),
        ("http://127.0.0.1:0/", "not a url"),
        ("http://127.0.0.1/\r\nX-A: b", "not a url"),
        ("http://127.0.0.1/ä", "not a url"),
        ("ftp://127.0.0.1/", "not a url"),
        ("127.0.0.1:80", "not a url"),
        ("http:///hook", "not a url"),
        ("http://127.0.0.1/" + "x" * 2000, "not a url"),
    ],
)
def test_by_default_only_this_machine_is_called(open_box: OpenBox, ask: Ask, url: str, why: str) -> None:
    """An endpoint that is not surely on this machine is refused, and the panel's words say why."""
    said = ask(open_box("notpanel"), "webhook.add", url=url)
    assert said == (400, {"error": f"Incorrect webhook url: {why}"})


@pytest.mark.parametrize(
    "url", ["http://localhost:1/", "https://127.0.0.1/", "http://[::1]:80/x?y=z", "HTTP://127.9.9.9"]
)
def test_this_machine_by_any_of_its_names(open_box: OpenBox, ask: Ask, url: str) -> None:
    """Loopback hosts are taken, over http and https."""
    assert ask(open_box("notpanel"), "webhook.add", url=url)[0] == 200


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://shop.example.com/", "https only"),
        ("https://localhost/", "the host is private"),
        ("https://a.localhost./", "the host is private"),
        ("https://127.0.0.1/", "the host is private"),
        ("https://10.1.2.3/", "the host is private"),
        ("https://169.254.169.254/", "the host is private"),
        ("https://0.0.0.0/", "the host is private"),
        ("https://127.1/", "the host is private"),
        ("https://[::1]/", "the host is private"),
        ("https://[fe80::1]/", "the host is private"),
        ("https://printer/", "the host is private"),
        ("https://db.internal/", "the host is private"),
    ],
)
def test_the_panels_own_rules(open_box: OpenBox, ask: Ask, url: str, why: str) -> None:
    """Without local webhooks the documented rules hold: https only, private and loopback hosts refused."""
    said = ask(open_box("notpanel", local_webhooks=False), "webhook.add", url=url)
    assert said == (400, {"error": f"Incorrect webhook url: {why}"})


@pytest.mark.parametrize("options", [{"local_webhooks": False}, {"expose": True}])
def test_other_machines_are_never_called(open_box: OpenBox, finish: Finish, options: dict[str, Any]) -> None:
    """A public endpoint is taken and not delivered to; that is also how an exposed sandbox is, unless told."""
    box = open_box("notpanel", **options)
    box.webhooks.register("https://shop.example.com/hook")
    finish(box)
    (delivery,) = box.webhooks.deliveries
    assert (delivery.outcome, delivery.attempts) == (Outcome.WITHHELD, ())
    assert box.webhooks.wait_until_idle(0)


def test_five_endpoints_for_a_key(open_box: OpenBox, ask: Ask) -> None:
    """A sixth is refused until one is removed; another key has five of its own, and sees no other's."""
    box = open_box("notpanel")
    first = ask(box, "webhook.add", url="http://127.0.0.1:9/0")[1]
    for n in range(1, 5):
        assert ask(box, "webhook.add", url=f"http://127.0.0.1:9/{n}")[0] == 200
    assert ask(box, "webhook.add", url="http://127.0.0.1:9/5") == (400, {"error": "No more than 5 webhooks per key"})
    with pytest.raises(ValueError, match="too_many_webhooks"):
        box.webhooks.register("http://127.0.0.1:9/5")
    other = box.issue_key()
    assert ask(box, "webhook.add", key=other, url="http://127.0.0.1:9/5")[0] == 200
    assert [hook["url"] for hook in ask(box, "webhook.list", key=other)[1]] == ["http://127.0.0.1:9/5"]
    assert ask(box, "webhook.remove", key=other, id=first["id"])[0] == 400
    assert ask(box, "webhook.remove", id=first["id"])[0] == 200
    assert ask(box, "webhook.add", url="http://127.0.0.1:9/5")[0] == 200


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "Missing required parameter: url"),
        ({"url": "http://127.0.0.1/", "events": "order.completed,order.lost"}, "Incorrect events"),
    ],
)
def test_what_an_endpoint_must_have(open_box: OpenBox, ask: Ask, fields: dict[str, str], words: str) -> None:
    """A missing url and an unknown event are refused."""
    assert ask(open_box("notpanel"), "webhook.add", fields) == (400, {"error": words})


@pytest.mark.parametrize("panel", ["panelbon", "v2"])
def test_no_other_panel_has_webhooks(open_box: OpenBox, ask: Ask, panel: str) -> None:
    """Elsewhere the actions are unknown, and neither endpoints nor faults can be set."""
    box = open_box(panel)
    assert "error" in ask(box, "webhook.add", url="http://127.0.0.1/")[1]
    with pytest.raises(ValueError, match="no webhooks"):
        box.webhooks.register("http://127.0.0.1/")
    with pytest.raises(ValueError, match=f"{panel} has no webhooks"):
        open_box(panel, webhook_faults=0.5)


# -- what is sent -------------------------------------------------------------------------------------------


def test_a_delivery_is_signed_and_holds_the_row(
    open_box: OpenBox, ask: Ask, finish: Finish, receiver: Receiver, clock: SimpleNamespace
) -> None:
    """The body has event, id, time and the row of `action=status`; the signature covers timestamp and body."""
    box = open_box("notpanel")
    hook = box.webhooks.register(receiver.url)
    order = finish(box)
    (post,) = receiver.posts
    assert post.is_signed_with(hook.secret)
    assert not post.is_signed_with(hook.secret[::-1])
    assert (post.path, post.headers["content-type"]) == ("/hook?a=b", "application/json")
    assert post.headers["x-webhook-timestamp"] == str(int(clock.now))
    (delivery,) = box.webhooks.deliveries
    assert post.content == {
        "event": "order.completed",
        "id": post.headers["x-webhook-id"],
        "created_at": int(delivery.happened_at),
        "data": {"order": order, **ask(box, "status", order=order)[1]},
    }
    assert post.content["id"].startswith("evt_")
    assert (post.content["data"]["status"], post.content["data"]["remains"]) == ("completed", "0")
    assert (delivery.event, delivery.id, delivery.order) == ("order.completed", post.content["id"], order)
    assert (delivery.webhook, delivery.url, delivery.outcome) == (hook.id, receiver.url, Outcome.DELIVERED)
    assert [(attempt.at, attempt.status) for attempt in delivery.attempts] == [(clock.now, 200)]


def test_a_bare_payload(open_box: OpenBox, finish: Finish, receiver: Receiver) -> None:
    """If that is asked for, a delivery names the order and says no more of it."""
    box = open_box("notpanel", webhook_payload="bare")
    box.webhooks.register(receiver.url)
    order = finish(box)
    assert receiver.posts[0].content["data"] == {"order": order}


def test_every_end_of_an_order_has_its_events(open_box: OpenBox, finish: Finish, receiver: Receiver) -> None:
    """Completed, or failed if given up with nothing delivered; and refunded, after that, if money came back."""
    box = open_box("notpanel", troubled=0.6, limits=Limits(), balance=1000, balance_low=0)
    box.webhooks.register(receiver.url)
    for _ in range(60):
        finish(box)
    told: dict[str, list[str]] = {}
    for post in receiver.posts:
        told.setdefault(post.content["data"]["order"], []).append(post.content["event"])
    expected = {
        "completed": ["order.completed"],
        "partial": ["order.refunded"],
        "canceled": ["order.failed", "order.refunded"],
    }
    assert told == {order.id: expected[order.state] for order in box.orders}
    assert len({order.state for order in box.orders}) == 3
    assert {delivery.id for delivery in box.webhooks.deliveries} == {post.content["id"] for post in receiver.posts}


def test_a_canceled_order_has_not_failed(
    open_box: OpenBox, ask: Ask, receiver: Receiver, clock: SimpleNamespace
) -> None:
    """What the customer had cancelled is refunded, and that is told at once and once."""
    box = open_box("notpanel")
    box.webhooks.register(receiver.url)
    order = ask(box, "add", ADD)[1]["order"]
    ask(box, "cancel", order=order)
    box.webhooks.deliver_due()
    clock.now += LONG
    box.webhooks.deliver_due()
    (post,) = receiver.posts
    assert post.content["event"] == "order.refunded"
    assert post.content["data"] | {"start_count": ""} == {
        "order": order,
        "charge": "0.00",
        "start_count": "",
        "status": "canceled",
        "remains": "1000",
        "currency": "USD",
    }


def test_a_low_balance_is_told_when_it_gets_low(open_box: OpenBox, ask: Ask, receiver: Receiver) -> None:
    """Falling below the threshold is told, being below it is not, and falling again is."""
    box = open_box("notpanel", balance="11", balance_low="10")
    box.webhooks.register(receiver.url)
    for n in range(4):
        ask(box, "add", {**ADD, "request_id": n, "link": f"https://example.com/{n}"})
    box.set_balance(10)
    box.set_balance("9.99")
    box.set_balance(3)
    box.webhooks.deliver_due()
    assert [post.content["event"] for post in receiver.posts] == ["balance.low"] * 2
    assert [post.content["data"] for post in receiver.posts] == [
        {"balance": "9.20", "currency": "USD"},
        {"balance": "9.99", "currency": "USD"},
    ]
    assert [delivery.order for delivery in box.webhooks.deliveries] == [None, None]


def test_only_the_events_that_were_asked_for(open_box: OpenBox, ask: Ask, finish: Finish, receiver: Receiver) -> None:
    """An endpoint hears of its own events; the id of an event is the same for all who hear of it."""
    box = open_box("notpanel", balance="5.50")
    ask(box, "webhook.add", url=f"{receiver.url}&only=low", events=" balance.low , balance.low")
    box.webhooks.register(f"{receiver.url}&only=all")
    finish(box)
    heard: dict[str, list[str]] = {"low": [], "all": []}
    for post in receiver.posts:
        heard[post.path[-3:]].append(post.content["event"])
    assert heard == {"low": ["balance.low"], "all": ["balance.low", "order.completed"]}
    assert len({post.content["id"] for post in receiver.posts}) == 2


def test_who_comes_late_hears_nothing_of_what_was(open_box: OpenBox, ask: Ask, clock: SimpleNamespace) -> None:
    """An endpoint is told of what happens after it was added, even where nobody had looked at the panel before."""
    box = open_box("notpanel")
    ask(box, "add", ADD)
    clock.now += LONG
    box.webhooks.register("http://127.0.0.1:9/")
    assert box.webhooks.deliveries == ()


def test_a_removed_endpoint_hears_nothing_more(
    open_box: OpenBox, ask: Ask, finish: Finish, receiver: Receiver, clock: SimpleNamespace
) -> None:
    """What waits for another attempt is dropped when the endpoint is removed."""
    box = open_box("notpanel")
    hook = box.webhooks.register(receiver.url)
    receiver.script = [answer(500)]
    finish(box)
    assert not box.webhooks.wait_until_idle(0)
    ask(box, "webhook.remove", id=hook.id)
    assert box.webhooks.wait_until_idle(0)
    finish(box)
    assert len(receiver.posts) == 1
    assert [delivery.outcome for delivery in box.webhooks.deliveries] == [Outcome.DROPPED]


# -- how it is signed ---------------------------------------------------------------------------------------


def test_signed_as_github_does(open_box: OpenBox, finish: Finish, receiver: Receiver) -> None:
    """The body alone, behind a prefix, and no other header."""
    signing = Signing(
        signature_header="X-Hub-Signature-256",
        timestamp_header=None,
        id_header=None,
        signed="{body}",
        prefix="sha256=",
    )
    box = open_box("notpanel", webhook_signing=signing)
    secret = box.webhooks.register(receiver.url).secret
    finish(box)
    (post,) = receiver.posts
    made = hmac.new(secret.encode(), post.body, hashlib.sha256).hexdigest()
    assert post.headers["x-hub-signature-256"] == f"sha256={made}"
    assert not any(name.startswith("x-webhook") for name in post.headers)


def test_signed_as_stripe_does(open_box: OpenBox, finish: Finish, receiver: Receiver, clock: SimpleNamespace) -> None:
    """The timestamp and the signature in one header."""
    signing = Signing(signature_header="stripe-signature", prefix="t={timestamp},v1=", timestamp_header=None)
    box = open_box("notpanel", webhook_signing=signing)
    secret = box.webhooks.register(receiver.url).secret
    finish(box)
    (post,) = receiver.posts
    made = hmac.new(secret.encode(), b"%d." % clock.now + post.body, hashlib.sha256).hexdigest()
    assert post.headers["stripe-signature"] == f"t={int(clock.now)},v1={made}"


def test_signed_as_standard_webhooks_do(open_box: OpenBox, finish: Finish, receiver: Receiver) -> None:
    """Id, timestamp and body, in base64, with a secret that is base64 too."""
    signing = Signing(
        signature_header="webhook-signature",
        timestamp_header="webhook-timestamp",
        id_header="webhook-id",
        signed="{id}.{timestamp}.{body}",
        encoding="base64",
        prefix="v1,",
        secret="whsec",
    )
    box = open_box("notpanel", webhook_signing=signing)
    secret = box.webhooks.register(receiver.url).secret
    finish(box)
    (post,) = receiver.posts
    before = f"{post.headers['webhook-id']}.{post.headers['webhook-timestamp']}.".encode()
    made = hmac.new(b64decode(secret.removeprefix("whsec_")), before + post.body, hashlib.sha256).digest()
    assert post.headers["webhook-signature"] == "v1," + b64encode(made).decode()


@pytest.mark.parametrize(
    "wrong",
    [
        {"signed": "{timestamp}"},
        {"signed": "{body}{body}"},
        {"signed": "{body}{secret}"},
        {"prefix": "{body}"},
        {"signature_header": "x signature"},
        {"signature_header": "x-sígnature"},
        {"timestamp_header": "x-time\u0661"},
        {"id_header": "x-id\r\nx"},
        {"id_header": 5},
        {"prefix": "é="},
        {"prefix": "v1=\r\n"},
        {"prefix": "\x7f"},
        {"prefix": None},
        {"encoding": "hexadecimal"},
        {"secret": "none"},
    ],
)
def test_a_signing_that_cannot_be(wrong: dict[str, Any]) -> None:
    """A signature that would not cover the body or go into a header, and values that mean nothing, raise ValueError."""
    with pytest.raises(ValueError, match=r"signed|there are|no name|encoding|printable ASCII"):
        Signing(**wrong)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"webhook_payload": "rich"}, "full or bare"),
        ({"webhook_retries": (1, -1)}, "pauses"),
        ({"webhook_faults": 1.5}, "between 0 and 1"),
    ],
)
def test_options_that_cannot_be(open_box: OpenBox, wrong: dict[str, Any], words: str) -> None:
    """Each is refused when the sandbox is opened."""
    with pytest.raises(ValueError, match=words):
        open_box("notpanel", **wrong)


# -- what is repeated ---------------------------------------------------------------------------------------


def test_what_is_not_taken_is_repeated_after_growing_pauses(
    open_box: OpenBox, finish: Finish, receiver: Receiver, clock: SimpleNamespace
) -> None:
    """Anything but 2xx is tried again later: the same id and body, a timestamp and a signature of that moment."""
    box = open_box("notpanel")
    hook = box.webhooks.register(receiver.url)
    receiver.script = [answer(500), answer(302, "Location: /elsewhere"), b"", b"nonsense\r\n\r\n", answer(404)]
    finish(box)
    pauses = []
    for _ in range(5):
        started = clock.now
        while not box.webhooks.deliver_due() and clock.now < started + LONG:
            clock.now += 1
        pauses.append(clock.now - started)
    assert pauses == [1, 2, 4, 8, 16]
    assert len({(post.path, post.body, post.headers["x-webhook-id"]) for post in receiver.posts}) == 1
    assert len({post.headers["x-webhook-signature"] for post in receiver.posts}) == 6
    assert all(post.is_signed_with(hook.secret) for post in receiver.posts)
    (delivery,) = box.webhooks.deliveries
    assert [attempt.status for attempt in delivery.attempts] == [500, 302, None, None, 404, 200]
    assert [str(int(attempt.at)) for attempt in delivery.attempts] == [
        post.headers["x-webhook-timestamp"] for post in receiver.posts
    ]
    assert delivery.outcome is Outcome.DELIVERED


def test_it_is_given_up_in_the_end(open_box: OpenBox, finish: Finish, clock: SimpleNamespace) -> None:
    """Where nobody listens, it is over after one attempt and one for each pause."""
    box = open_box("notpanel", webhook_retries=(1, 5))
    with Receiver() as closed:
        url = closed.url
    box.webhooks.register(url)
    finish(box)
    for _ in range(5):
        clock.now += LONG
        box.webhooks.deliver_due()
    (delivery,) = box.webhooks.deliveries
    assert [attempt.status for attempt in delivery.attempts] == [None] * 3
    assert delivery.outcome is Outcome.GIVEN_UP
    assert box.webhooks.wait_until_idle(0)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_will_do(open_box: OpenBox, finish: Finish, receiver: Receiver, status: int) -> None:
    """Any status of success ends it."""
    box = open_box("notpanel")
    box.webhooks.register(receiver.url)
    receiver.script = [answer(status, body=b"")]
    finish(box)
    assert box.webhooks.deliveries[0].outcome is Outcome.DELIVERED


@pytest.mark.parametrize(
    "said",
    [
        answer(200, body=b"x" * 10_000_000),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nwhatever",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: ten\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n1\r\nx\r\n",
    ],
    ids=["endless", "chunked", "closed", "old", "no length", "two lengths"],
)
def test_only_the_status_of_an_answer_counts(
    open_box: OpenBox, ask: Ask, receiver: Receiver, clock: SimpleNamespace, said: bytes
) -> None:
    """Bodies are passed over; where one is large or has no clear end, the next delivery has a new connection."""
    box = open_box("notpanel")
    box.webhooks.register(receiver.url)
    receiver.script = [said]
    for n in range(2):
        ask(box, "add", {**ADD, "request_id": n})
    clock.now += LONG
    box.webhooks.deliver_due()
    assert [[a.status for a in delivery.attempts] for delivery in box.webhooks.deliveries] == [[200], [200]]
    assert len({post.port for post in receiver.posts}) == 2


def test_an_interim_answer_is_not_the_answer(open_box: OpenBox, finish: Finish, receiver: Receiver) -> None:
    """What comes behind a 100 is what counts."""
    box = open_box("notpanel")
    box.webhooks.register(receiver.url)
    receiver.script = [b"HTTP/1.1 100 Continue\r\n\r\n" + answer(503)]
    finish(box)
    assert [attempt.status for attempt in box.webhooks.deliveries[0].attempts] == [503]


@pytest.mark.parametrize("manner", ["silent", "dripping"])
def test_an_attempt_takes_no_longer_than_the_timeout(
    open_box: OpenBox, finish: Finish, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, manner: str
) -> None:
    """A receiver that does not answer, or a byte at a time, is left: one deadline for the whole attempt."""
    assert sender.TIMEOUT == 5.0
    monkeypatch.setattr(sender, "TIMEOUT", 0.1)
    left = threading.Event()

    def silent() -> Iterator[bytes]:
        left.wait(5)
        yield b""

    def dripping() -> Iterator[bytes]:
        for _ in range(250):
            if not left.wait(0.02):
                yield b"X"

    receiver.script = [silent if manner == "silent" else dripping]
    box = open_box("notpanel")
    box.webhooks.register(receiver.url)
    started = time.monotonic()
    finish(box)
    left.set()
    assert time.monotonic() - started < 2
    assert [attempt.status for attempt in box.webhooks.deliveries[0].attempts] == [None]


def test_an_endpoint_with_tls(
    open_box: OpenBox, finish: Finish, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Over https on this machine the certificate is looked at, against what this machine trusts."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    receiver.socket = context.wrap_socket(receiver.socket, server_side=True)
    box = open_box("notpanel")
    box.webhooks.register(f"https://localhost:{receiver.server_address[1]}/")
    finish(box)
    assert box.webhooks.deliveries[0].attempts[0].status is None
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    finish(box)
    assert box.webhooks.deliveries[1].attempts[0].status == 200
