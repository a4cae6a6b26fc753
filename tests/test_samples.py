"""Forty-four replies in the shapes that panels were seen to answer with, each over real HTTP to the ``v2`` provider."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import pytest

from loopback import Behaviour, Loopback
from smmclient import (
    AccountSuspended,
    AuthenticationFailed,
    Catalog,
    DuplicateOrder,
    InsufficientFunds,
    InvalidQuantity,
    Malformed,
    Order,
    OutcomeUnknown,
    Provider,
    RateLimited,
    Receipt,
    Refused,
    RetryPolicy,
    Settings,
    SMMError,
    UnknownOrder,
    UnknownService,
    connect,
)
from smmclient.transport import AiohttpTransport, HttpxTransport

Sample = dict[str, Any]
SAMPLES: list[Sample] = json.loads((Path(__file__).parent / "wire" / "v2" / "samples.json").read_text("utf-8"))
ORDER = Order(service=1, link="https://example.com/p", quantity=10)

#: The sample of a list that does not say which row is whose: its two ids are then asked about one at a time.
ROWS_WITHOUT_IDS = "v064"
#: What the categories of the samples are in the error tree.
CATEGORIES: Mapping[str, type[SMMError]] = {
    "insufficient_funds": InsufficientFunds,
    "duplicate_link": DuplicateOrder,
    "service": UnknownService,
    "quantity": InvalidQuantity,
    "order_not_found": UnknownOrder,
    "suspended": AccountSuspended,
    "auth": AuthenticationFailed,
    "rate_limited": RateLimited,
    "validation": Refused,
    "api": Refused,
}


def http(sample: Sample) -> bytes:
    """The sample as a whole HTTP reply."""
    body: bytes = sample["body"].encode()
    headers = f"content-type: {sample['content_type']}\r\ncontent-length: {len(body)}\r\nconnection: close"
    return f"HTTP/1.1 {sample['status']} X\r\n{headers}\r\n\r\n".encode() + body


async def ask(panel: Provider, action: str, request: Mapping[str, str]) -> Any:
    """Make the call that the sample answers; an error is a result."""
    ids = next((request[name].split(",") for name in ("orders", "order", "refills", "refill") if name in request), [])
    try:
        match action:
            case "services" | "balance":
                return await getattr(panel, action)()
            case "add" | "add_multi":
                return await panel.add_order(ORDER)
            case "status":
                return await panel.order_statuses(ids)
            case "refill_status":
                return await panel.refill_statuses(ids)
        return await getattr(panel, action)(ids)
    except SMMError as error:
        return error


@pytest.mark.parametrize("way", ["httpx-asyncio", "httpx-trio", "aiohttp-asyncio"])
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample["id"])
def test_a_sample(sample: Sample, way: str, loopback: Callable[[Behaviour], Loopback]) -> None:
    """It is read as it is meant: a value, rows by id, an error of its kind, or an error because nobody can tell."""
    library, backend = way.split("-")
    server = loopback(lambda panel, form: http(sample))
    actions = ["balance", "services", "status", "add"] if sample["action"] == "any" else [sample["action"]]

    async def run() -> None:
        async with AiohttpTransport() if library == "aiohttp" else HttpxTransport() as transport:
            panel = connect(
                "v2",
                api_key="k-123456",
                base_url=server.url,
                settings=Settings(retry=RetryPolicy(attempts=1)),
                transport=transport,
            )
            for action in actions:
                request = sample["request"] or ({"order": "1"} if action == "status" else {})
                check(sample["expect"], await ask(panel, action, request), action, request)

    anyio.run(run, backend=backend)
    asked = [one.removesuffix("_multi") for one in actions]
    assert [form["action"] for form in server.forms] == (asked * 3 if sample["id"] == ROWS_WITHOUT_IDS else asked)


def check(expect: Mapping[str, Any], result: Any, action: str, request: Mapping[str, str]) -> None:
    """The result is what the sample is meant to be."""
    match expect["kind"]:
        case "error" if expect["category"] == "server":
            assert isinstance(result, OutcomeUnknown)
            return
        case "error":
            assert isinstance(result, CATEGORIES[expect["category"]]), result
            return
        case "parse_error" if isinstance(result, dict):
            # Rows without ids: each is asked about by itself then, and this panel answers the same.
            assert all(isinstance(one, Malformed) for one in result.values()), result
            return
        case "parse_error":
            assert isinstance(result, Malformed), result
            return
        case "ok_or_parse_error" if action == "refill":
            # Two ids of refills without a word which is whose: both are asked for, neither is known.
            assert isinstance(result, OutcomeUnknown), result
            return
        case "batch" if action == "add_multi":
            # A list of two where one order was placed: nobody can tell.
            assert isinstance(result, OutcomeUnknown), result
            return
        case "batch":
            check_rows(expect, result, action, request)
            return
    if action == "services":
        check_catalog(expect, result)
    elif action == "add":
        assert isinstance(result, Receipt), result
        assert result.order == expect["order"]
    elif action == "balance":
        assert result.amount == Decimal(expect.get("balance", "5.10"))
        assert result.currency == "USD"
    else:
        (value,) = result.values()
        assert not isinstance(value, SMMError), value
        for name in ("start_count", "remains", "refill"):
            assert name not in expect or getattr(value, name) == expect[name]
        assert "status" not in expect or value.state.value == expect["status"]


def check_rows(expect: Mapping[str, Any], result: Any, action: str, request: Mapping[str, str]) -> None:
    """Each id has its own result or error."""
    (asked,) = request.values()
    rows = expect["rows"]
    wanted = rows if isinstance(rows, dict) else dict(zip(asked.split(","), rows, strict=True))
    assert list(result) == asked.split(",")
    for one, kind in wanted.items():
        # A refill's "Not found" is the only row that may be either: it is the refusal that it says.
        assert isinstance(result[one], Refused) == (kind != "ok"), (action, one, result[one])
    for one in expect.get("missing", ()):
        assert isinstance(result[one], Malformed)


def check_catalog(expect: Mapping[str, Any], result: Any) -> None:
    """As many services as there are rows, with their flags."""
    assert isinstance(result, Catalog), result
    assert result.problems == ()
    assert len(result) == expect.get("count", 1)
    for name in ("refill", "cancel"):
        assert name not in expect or getattr(result[0], name) is expect[name]
