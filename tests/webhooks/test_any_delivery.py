"""No delivery breaks the receiver: none is believed that the panel has not sent, and each of its own counts once.

More than 10,000 deliveries in a run: 1,000 and more in each of the twelve runs of `test_thousands_of_deliveries`.
"""

from __future__ import annotations

import base64
import hmac
import itertools
import json
import logging
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from attrs import define, evolve, field, frozen
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from deliveries import NOW, SECRET, Answer, deliver
from smmclient.errors import WebhookRejected
from smmclient.webhooks import (
    KNOWN_SCHEMES,
    ReplayGuard,
    Scheme,
    SQLiteReplays,
    WebhookApp,
    WebhookEvent,
    parse,
    verify,
)

SCHEMES = {name: KNOWN_SCHEMES[name] for name in ("ours", "stripe", "standard")}
#: As text for all schemes: the standard one reads it as base64.
KEYS = {"ours": SECRET, "stripe": SECRET, "standard": base64.b64encode(SECRET.encode()).decode()}
STRANGER = "whs-of-somebody-else"

Headers = tuple[tuple[bytes, bytes], ...]


@frozen
class Delivery:
    """What reaches the receiver."""

    body: bytes
    headers: Headers


@define
class Net:
    """The panel, the receiver, and everybody in between: what was signed, what is to come, and what came of it."""

    name: str
    dice: random.Random
    app: WebhookApp
    now: list[float]
    #: Deliveries that the panel has made, and that it makes again until one is taken.
    genuine: list[tuple[str, Delivery]] = field(factory=list)
    open: dict[str, bytes] = field(factory=dict)
    answers: Counter[tuple[str, int | None]] = field(factory=Counter)
    hidden: set[str] = field(factory=set)
    _numbers: Iterator[int] = field(factory=lambda: itertools.count(1))

    def sign(self, body: bytes, event_id: str, *, at: float | None = None, secret: str = SECRET) -> Delivery:
        """A delivery as the panel would make it, with any secret; nothing of smmclient's signing is used."""
        told = str(int(self.now[0] if at is None else at))
        raw = {"ours": f"{told}.", "stripe": f"{told}.", "standard": f"{event_id}.{told}."}[self.name].encode() + body
        digest = hmac.new(secret.encode(), raw, "sha256").digest()
        if secret == SECRET:
            self.hidden |= {digest.hex(), base64.b64encode(digest).decode()}
        shown = {
            "ours": (("x-webhook-signature", digest.hex()), ("x-webhook-timestamp", told), ("x-webhook-id", event_id)),
            "stripe": (("stripe-signature", f"t={told},v1={digest.hex()}"),),
            "standard": (
                ("webhook-signature", f"v1,{base64.b64encode(digest).decode()}"),
                ("webhook-timestamp", told),
                ("webhook-id", event_id),
            ),
        }
        return Delivery(body, tuple((name.encode(), value.encode()) for name, value in shown[self.name]))

    def event(self) -> tuple[str, bytes]:
        """Something new at the panel."""
        event_id = f"evt_{next(self._numbers)}"
        name = self.dice.choice(["order.completed", "order.failed", "balance.low", "order.unheard_of"])
        about = {
            "order": f"ord_{event_id}",
            "status": "completed",
            "charge": "0.5",
            "note": "zé" * self.dice.randrange(9),
        }
        return event_id, json.dumps({"event": name, "id": event_id, "data": about}).encode()

    async def send(self, kind: str, delivery: Delivery) -> Answer:
        """Deliver it, in one part or in several."""
        cuts = sorted(self.dice.randrange(len(delivery.body) + 1) for _ in range(self.dice.randrange(3)))
        edges = [0, *cuts, len(delivery.body)]
        parts = [delivery.body[start:end] for start, end in itertools.pairwise(edges)]
        answer = await deliver(self.app, parts, delivery.headers)
        self.answers[kind, answer.status] += 1
        assert answer.status in (200, 400, 401, 413, 500), (kind, answer)
        assert (answer.body, answer.headers) == (b"", {b"content-length": b"0"})
        return answer

    async def push(self, event_id: str, body: bytes) -> None:
        """The panel's own attempt, signed anew."""
        delivery = self.sign(body, event_id)
        self.genuine.append((event_id, delivery))
        self.open[event_id] = body
        if (await self.send("genuine", delivery)).status == 200:
            self.open.pop(event_id, None)

    async def step(self) -> None:
        """Something happens."""
        self.now[0] += self.dice.choice([0, 0, 0.2, 1, 5])
        if self.dice.random() < 0.2 or not self.genuine:
            await self.push(*self.event())
        elif self.open and self.dice.random() < 0.3:
            # Out of order: whichever of those that were not taken, long after others.
            await self.push(*self.dice.choice(list(self.open.items())))
        elif self.dice.random() < 0.2:
            _, old = self.dice.choice(self.genuine)
            await self.send("replayed", old)
        else:
            odd = self.tamper()
            if odd is not None:
                answer = await self.send("forged", odd)
                assert answer.status in (400, 401, 413), odd

    def tamper(self) -> Delivery | None:
        """A delivery that the panel has not made; None if it came out as one that it has."""
        _, old = self.dice.choice(self.genuine)
        _, other = self.dice.choice(self.genuine)
        ways: list[Callable[[], Delivery]] = [
            lambda: evolve(old, body=old.body[: self.dice.randrange(len(old.body))]),
            lambda: evolve(old, body=_spoiled(old.body, self.dice)),
            lambda: evolve(old, body=old.body + self.dice.choice([b" ", b"\n", b"\0", old.body])),
            lambda: evolve(old, body=b""),
            lambda: evolve(old, body=old.body.replace(b"0.5", b"9.5")),
            lambda: evolve(old, headers=_spoiled_header(old.headers, self.dice)),
            lambda: evolve(old, headers=_retimed(old.headers, self.now[0])),
            lambda: evolve(old, headers=other.headers),
            lambda: evolve(old, headers=old.headers[1:]),
            lambda: evolve(old, headers=(*old.headers, *other.headers)),
            lambda: evolve(old, headers=()),
            lambda: self.sign(old.body, "evt_1", secret=STRANGER),
            lambda: self.sign(old.body, "evt_1", secret=""),
            lambda: self.sign(old.body, "evt_1", at=self.now[0] - self.dice.choice([301, 10**6, -302, -(10**9)])),
            lambda: Delivery(self.dice.randbytes(self.dice.randrange(400)), _noise(old.headers, self.dice)),
        ]
        made = self.dice.choice(ways)()
        is_same = any(_core(made) == _core(one) for _, one in self.genuine)
        return None if is_same else made


def _core(delivery: Delivery) -> tuple[bytes, frozenset[tuple[bytes, bytes]], int]:
    """What makes a delivery the one that it is: no blanks around, no case of hex digits, no id that nobody signed."""
    stripped = [(name, value.strip()) for name, value in delivery.headers]
    told = [(name, value if value.startswith(b"v1,") else value.lower()) for name, value in stripped]
    told = [one for one in told if one[0] != b"x-webhook-id"]
    return delivery.body, frozenset(told), len(told)


def _spoiled(raw: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(raw))
    return raw[:at] + bytes([raw[at] ^ (1 << dice.randrange(8))]) + raw[at + 1 :]


def _spoiled_header(headers: Headers, dice: random.Random) -> Headers:
    at = dice.randrange(len([one for one in headers if not one[0].startswith(b"x-webhook-id")]))
    name, value = headers[at]
    odd = dice.choice(
        [_spoiled(value, dice), value[:-1], value + b" ", b" " + value, b"\xff" + value, value[1:], b"nan"]
    )
    return (*headers[:at], (name, odd), *headers[at + 1 :])


def _retimed(headers: Headers, now: float) -> Headers:
    """The same signature with a fresh time: what a replay needs."""
    told = str(int(now) + 1).encode()
    fresh = [(name, told if name.endswith(b"timestamp") else value) for name, value in headers]
    return tuple(
        (name, b"t=%b,%b" % (told, value.split(b",", 1)[1]) if b"t=" in value else value) for name, value in fresh
    )


def _noise(headers: Headers, dice: random.Random) -> Headers:
    return tuple((name, dice.randbytes(dice.randrange(80))) for name, _ in headers)


async def _everything(name: str, *, steps: int, seed: int, fails: float, replays: ReplayGuard | None) -> Net:
    """So many steps, then the panel repeats what was not taken, and everything that was ever made is sent once more."""
    dice, now, taken = random.Random(seed), [NOW], list[WebhookEvent]()

    async def handle(event: WebhookEvent) -> None:
        if dice.random() < fails:
            raise ValueError(f"{SECRET} {event.raw}")
        taken.append(event)

    app = WebhookApp(
        [STRANGER[::-1], KEYS[name]] if name != "standard" else KEYS[name],
        on_event=handle,
        scheme=SCHEMES[name],
        acknowledge="after",
        replays=replays,
        max_body=4096,
        clock=lambda: now[0],
        remember=1e9,
    )
    net = Net(name, dice, app, now)
    for _ in range(steps):
        await net.step()
    while net.open:
        await net.push(*next(iter(net.open.items())))
    for _, delivery in net.genuine:
        await net.send("replayed", delivery)
    made = {event_id for event_id, _ in net.genuine}
    assert Counter(event.id for event in taken) == Counter(made)
    assert all(event.raw == json.loads(body) for event in taken for body in [_body_of(net, event.id)])
    return net


def _body_of(net: Net, event_id: str | None) -> bytes:
    return next(delivery.body for one, delivery in net.genuine if one == event_id)


@pytest.mark.anyio
@pytest.mark.parametrize("fails", [0.0, 0.4])
@pytest.mark.parametrize("name", SCHEMES)
async def test_thousands_of_deliveries(name: str, fails: float, caplog: pytest.LogCaptureFixture) -> None:
    """Forged, replayed, cut and reordered, with handlers that fail: each genuine event is taken once, no other."""
    caplog.set_level(logging.DEBUG)
    net = await _everything(name, steps=1000, seed=len(name), fails=fails, replays=None)
    assert sum(net.answers.values()) > 1000
    assert net.answers["forged", 401] > 300
    assert net.answers["replayed", 200] > 100
    assert net.answers["genuine", 200] > 150
    assert (net.answers["genuine", 500] > 50) == (fails > 0)
    told = caplog.text
    assert not [one for one in (SECRET, KEYS[name], "ord_evt", *net.hidden) if one in told]


async def _on_file(path: Path, seed: int) -> None:
    guard = SQLiteReplays(path)
    try:
        await _everything("ours", steps=300, seed=seed, fails=0.2, replays=guard)
    finally:
        guard.close()


@pytest.mark.anyio
async def test_hundreds_on_a_file(tmp_path: Path) -> None:
    """The same with the guard in a file."""
    await _on_file(tmp_path / "replays.db", 7)


# ------------------------------------------------------------------------------------------ whatever hypothesis finds

_texts = st.one_of(
    st.binary(max_size=80),
    st.text(max_size=40),
    st.sampled_from(["1700000000", "0" * 64, "t=1,v1=" + "0" * 64, "v1," + "A" * 43 + "=", "-1", "1e9", "١٢", "NaN"]),
)
_names = st.sampled_from(
    [header for scheme in SCHEMES.values() for header in (scheme.signature_header, "x-webhook-timestamp")]
)
_headers = st.lists(st.tuples(st.one_of(_names, st.text(max_size=10)), _texts), max_size=6)


def _mixed(headers: Sequence[tuple[str, str | bytes]]) -> Any:
    return list(headers)


@examples(max_examples=1000)
@given(st.binary(max_size=200), _headers, st.sampled_from(sorted(SCHEMES)))
def test_nothing_made_up_is_believed(body: bytes, headers: list[tuple[str, str | bytes]], name: str) -> None:
    """Whatever bytes and headers: they are rejected, with a check and without the secret; nothing else is raised."""
    with pytest.raises(WebhookRejected) as caught:
        verify(body, _mixed(headers), KEYS[name], scheme=SCHEMES[name], now=NOW)
    assert caught.value.check
    assert SECRET not in repr(caught.value)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
_keys = st.sampled_from(
    ["event", "id", "created_at", "data", "order", "status", "charge", "balance", "currency", "type"]
)
_payloads = st.one_of(
    st.binary(max_size=200),
    _json.map(lambda value: json.dumps(value).encode()),
    st.dictionaries(_keys, st.one_of(_json, st.dictionaries(_keys, _json)), max_size=8).map(
        lambda value: json.dumps({"event": "order.completed", **value}).encode()
    ),
)


@examples(max_examples=250)
@given(_payloads)
def test_any_signed_body_is_an_event_or_rejected(body: bytes) -> None:
    """What the panel itself signs may be anything: it is read, or rejected; no status is without a charge."""
    try:
        event: Any = parse(body)
    except WebhookRejected as error:
        assert error.check == "payload"
        return
    assert event.name
    status = getattr(event, "status", None)
    assert status is None or (status.charge is not None and status.charge >= 0 and status.order == event.order)


@pytest.mark.parametrize("anyio_backend", ["asyncio"], indirect=True)
@pytest.mark.anyio
async def test_any_signed_body_is_answered() -> None:
    """Odd bodies with a right signature are answered, 200 or 400, through the whole receiver."""
    app = WebhookApp(SECRET, scheme=Scheme(), clock=lambda: NOW)
    net = Net("ours", random.Random(3), app, [NOW])
    for depth in (1, 100, 1000, 3000):
        for body in (
            b"[" * depth,
            b'{"event": "a", "id": "b", "data": ' + b'{"a":' * depth + b"1" + b"}" * (depth + 1),
        ):
            status = (await net.send("odd", net.sign(body, "evt_1"))).status
            assert status in (200, 400)
    for number in range(500):
        whole = {"event": "order.x", "id": number, "data": net.dice.choice([None, [], 5, {"order": []}])}
        assert (await net.send("odd", net.sign(json.dumps(whole).encode(), "evt_1"))).status == 200
