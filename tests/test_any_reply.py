"""No reply whatever breaks a provider, and none makes it tell a number or an id that the panel did not send."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import attrs
import pytest
from hypothesis import example, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from smmclient import (
    Balance,
    Cancellation,
    Catalog,
    Order,
    OrderStatus,
    Receipt,
    Refill,
    RefillStatus,
    RetryPolicy,
    Service,
    Settings,
    SMMError,
)
from smmclient.dialect import V2, Dialect
from smmclient.panel import Panel
from smmclient.testing import ManualClock, ScriptedTransport
from smmclient.wire import WireReply
from smmclient_notpanel import NOTPANEL
from smmclient_panelbon import PANELBON

WIRE = Path(__file__).parent / "wire"
KEY = "k3y-0123456789abcdef"
IDS = ("7", "8")
ORDER = Order(service=1, link="https://example.com/p", quantity=10)
CALLS = {
    "services": lambda panel: panel.services(),
    "balance": lambda panel: panel.balance(),
    "add": lambda panel: panel.add_order(ORDER),
    "status": lambda panel: panel.order_status("7"),
    "statuses": lambda panel: panel.order_statuses(IDS),
    "refill": lambda panel: panel.refill(IDS),
    "refill_status": lambda panel: panel.refill_statuses(IDS),
    "cancel": lambda panel: panel.cancel(IDS),
}

# ------------------------------------------------------------------------------------------------ replies, whatever

_recorded: list[str] = sorted(
    {case["body"] for file in WIRE.glob("*/*.json") for case in json.loads(file.read_text("utf-8"))}
)


def _or_none(body: str) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


_decoded = [_or_none(body) for body in _recorded]

_odd_texts = st.sampled_from(
    [
        *(
            "",
            "0",
            "-2",
            "1",
            "7",
            "8",
            "1.5",
            "1,5",
            "1,234",
            "1.234",
            "1,234.50",
            "1.234,50",
            "1,234,567",
            "0,5",
            "1e-06",
        ),
        *(
            "1E400",
            "NaN",
            "Infinity",
            "0x10",
            "1_000",
            "٣",
            "9" * 50,
            "true",
            "error",
            "Completed",
            "in_progress",
            "null",
        ),
        *("Incorrect order ID", "Not enough funds", "ord_1", KEY, f"bad key {KEY}", "\x00", "\ud800", "1 000", "5$"),
    ]
)
_leaves = (
    st.none() | st.booleans() | st.integers() | st.floats() | _odd_texts | st.text(max_size=12) | st.decimals().map(str)
)
_keys = st.sampled_from(
    [
        *(
            "order",
            "orders",
            "error",
            "errors",
            "status",
            "charge",
            "start_count",
            "remains",
            "refill",
            "refills",
            "cancel",
        ),
        *(
            "balance",
            "currency",
            "message",
            "msg",
            "success",
            "ok",
            "service",
            "rate",
            "min",
            "max",
            "7",
            "8",
            "data",
            "",
        ),
    ]
)
_json = st.recursive(_leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_keys, inner, max_size=5))


def _replaced(value: Any, draw: st.DrawFn) -> Any:
    """The value with one spot of it made something else, or taken out."""
    if isinstance(value, (list, dict)) and value and draw(st.integers(0, 4)):
        key = draw(st.sampled_from(list(range(len(value))) if isinstance(value, list) else sorted(value)))
        if draw(st.integers(0, 8)) == 0:
            del value[key]
        else:
            value[key] = _replaced(value[key], draw)
        return value
    return draw(_json)


@st.composite
def _altered(draw: st.DrawFn) -> Any:
    """A recorded reply in which up to three things have become something else."""
    value = copy.deepcopy(draw(st.sampled_from(_decoded)))
    for _ in range(draw(st.integers(1, 3))):
        value = _replaced(value, draw)
    return value


_bodies = (
    st.binary(max_size=200)
    | st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass"))
    | (_json | _altered() | _altered()).map(lambda value: json.dumps(value).encode())
    | st.tuples(st.sampled_from(_recorded), st.integers(0, 80)).map(lambda one: one[0].encode()[: -one[1] or None])
)
_headers = st.sampled_from(
    [
        {},
        {"content-type": "text/html"},
        {"retry-after": "soon", "x-ratelimit-remaining": "-1", "x-ratelimit-reset": "9" * 30},
        {"retry-after": "0", "x-ratelimit-deniedby": "everybody", "date": "yesterday"},
    ]
)

# ------------------------------------------------------------------------------------------- what a text may stand for


def _scalars(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _scalars(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _scalars(inner)
    elif value is not None:
        yield str(value)


def texts_in(body: bytes) -> list[str]:
    """Every number and text that stands in a reply, as it stands there."""
    text = body.decode("utf-8-sig", "replace").strip()
    # A PHP warning can stand in front of the JSON.
    for start in [0, *(match.start() + 1 for match in re.finditer(r"\n", text))]:
        try:
            return [*_scalars(json.loads(text[start:], strict=False, parse_float=str, parse_int=str))]
        except (ValueError, RecursionError):
            continue
    return []


def readings(text: str) -> set[Decimal]:
    """The amounts that a text can be meant as, by a reading of our own: from the digits, and their last separator."""
    text = text.strip()
    if not re.fullmatch(r"[+-]?[0-9][0-9.,]*([eE][+-]?[0-9]+)?", text):
        return set()
    mantissa, _, exponent = text.casefold().partition("e")
    found: set[Decimal] = set()
    separators = [char for char in mantissa if char in ".,"]
    digits = re.sub("[.,]", "", mantissa)
    if not separators:
        found.add(Decimal(digits))
    else:
        last = separators[-1]
        fraction = mantissa.rsplit(last, 1)[1]
        if separators.count(last) == 1:
            found.add(Decimal(digits).scaleb(-len(fraction)))
        if len(separators) > 1 and len({*separators}) == 1:
            found.add(Decimal(digits))
    return {amount.scaleb(int(exponent or 0)) for amount in found} if len(exponent) < 4 else set()


def values_of(result: object) -> Iterator[object]:
    """Everything in a result that a panel is claimed to have said."""
    if isinstance(result, Catalog):
        for service in result:
            yield from values_of(service)
    elif isinstance(result, dict):
        for row in result.values():
            yield from values_of(row)
    elif isinstance(result, (Balance, Service, Receipt, OrderStatus, Refill, RefillStatus)):
        ours = {"fetched_at", "max_age", "request_id", "raw", "package_units"}
        for name, value in attrs.asdict(result, recurse=False).items():
            if name not in ours:
                yield value
    else:
        assert isinstance(result, (SMMError, Cancellation)), result


def check_said(result: object, body: bytes) -> None:
    """Every amount, count and id in the result stands in the reply."""
    said = texts_in(body)
    amounts = {amount for text in said for amount in readings(text)}
    texts = {text.strip() for text in said} | {*IDS, ""}
    for value in values_of(result):
        if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
            assert value in amounts, f"{value} is not in {body!r}"
        elif isinstance(value, str):
            # An id that came as true is told as such.
            assert value in texts or value == "true", f"{value!r} is not in {body!r}"


# ------------------------------------------------------------------------------------------------------------ the test


async def ask(dialect: Dialect, call: str, reply: WireReply, answers: list[object]) -> None:
    """Make the call, and keep its result or its error."""
    async with ManualClock() as clock:
        panel = Panel(
            dialect,
            api_key=KEY,
            base_url="https://panel.example/api/v2",
            # No repeats, which would only ask the same again, and no meters, which would be shared by all examples.
            settings=Settings(retry=RetryPolicy(attempts=1), limits=()),
            transport=ScriptedTransport(lambda form: reply),
            clock=clock,
        )
        try:
            answers.append(await CALLS[call](panel))
        except SMMError as error:
            answers.append(error)


def check_one(dialect: Dialect, call: str, reply: WireReply, backend: str = "asyncio") -> None:
    """Nothing but a result or an error of ours comes of the reply, and both are true."""
    answers: list[object] = []
    anyio.run(partial(ask, dialect, call, reply, answers), backend=backend)
    (answer,) = answers
    if isinstance(answer, SMMError):
        assert KEY not in f"{answer} {answer!r} {vars(answer)}"
        return
    assert 200 <= reply.status < 300
    if isinstance(answer, dict):
        assert list(answer) == [*IDS]
        assert KEY not in str([row for row in answer.values() if isinstance(row, SMMError)])
    check_said(answer, reply.body)


@pytest.mark.parametrize("dialect", [V2, NOTPANEL, PANELBON], ids=lambda dialect: dialect.name)
@examples(max_examples=400)
@given(
    body=_bodies,
    status=st.sampled_from([200] * 8 + [201, 204, 301, 400, 401, 402, 403, 404, 405, 409, 422, 429, 500, 502, 503, 99]),
    headers=_headers,
    call=st.sampled_from(sorted(CALLS)),
)
@example(body=b"[" * 100_000, status=200, headers={}, call="balance")
@example(body=b'{"balance": ' + b"9" * 5000 + b"}", status=200, headers={}, call="balance")
@example(body=b'{"balance": "1,234"}', status=200, headers={}, call="balance")
@example(body=b'{"balance": 1e999999999}', status=200, headers={}, call="balance")
@example(body=b"[[[[]]]]", status=200, headers={}, call="refill")
def test_no_reply_breaks_a_provider(
    dialect: Dialect, body: bytes, status: int, headers: dict[str, str], call: str
) -> None:
    """It gives a value whose figures stand in the reply, or an error of ours, which does not tell the key."""
    if dialect is PANELBON and call.startswith("refill"):
        call = "cancel"
    check_one(dialect, call, WireReply(status, headers, body))


@pytest.mark.parametrize("body", _recorded, ids=range(len(_recorded)))
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_every_recorded_reply_to_every_call(body: str, backend: str) -> None:
    """Panels answer one thing where another was asked for; whatever is made of it stands in the reply."""
    for call in CALLS:
        check_one(V2, call, WireReply(200, {}, body.encode()), backend)
