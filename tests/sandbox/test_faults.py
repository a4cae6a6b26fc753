"""Which request a fault strikes, and what it leaves of the reply."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from smmclient.sandbox import Fault, Sandbox
from smmclient.sandbox.faults import COMMON, Faults
from smmclient.sandbox.panel import Ending

OpenBox = Callable[..., Sandbox]
Ask = Callable[..., tuple[int, Any]]

ADD = {
    "action": "add",
    "service": "1",
    "quantity": "100",
    "link": "https://example.com/1",
    "request_id": "r1",
}


def struck(faults: Faults, *actions: str) -> list[Fault | None]:
    """Give the faults that strike these requests, one after the other."""
    return [None if (mishap := faults.draw(action)) is None else mishap.fault for action in actions]


def test_a_fault_strikes_its_action_once() -> None:
    """Without times or probability a fault strikes the next request of its action, and is over."""
    faults = Faults()
    faults.add("add", Fault.DROP_AFTER)
    assert struck(faults, "status", "add", "add") == [None, Fault.DROP_AFTER, None]


def test_faults_strike_in_the_order_they_were_added() -> None:
    """Several faults for an action are a script: twice this, then once that."""
    faults = Faults()
    faults.add("add", Fault.TOO_MANY, times=2)
    faults.add("*", Fault.EMPTY)
    assert struck(faults, "add", "add", "add", "add") == [Fault.TOO_MANY, Fault.TOO_MANY, Fault.EMPTY, None]


def test_probability_strikes_until_healed() -> None:
    """A fault with a probability strikes about that part of the requests, the same ones for the same seed."""
    first, second = Faults(seed=7), Faults(seed=7)
    for faults in (first, second):
        faults.add("*", Fault.BAD_GATEWAY, probability=0.25)
    seen = struck(first, *["add"] * 400)
    assert seen == struck(second, *["add"] * 400)
    assert 60 < seen.count(Fault.BAD_GATEWAY) < 140
    first.heal()
    assert struck(first, *["add"] * 100) == [None] * 100


def test_a_share_of_requests_goes_wrong_in_every_common_way() -> None:
    """Scattered faults strike that share of all requests, each about as often as the others, until healed."""
    faults = Faults(seed=3)
    faults.scatter(0.4)
    seen = [fault for fault in struck(faults, *["add", "balance"] * 2000) if fault is not None]
    assert 1_450 < len(seen) < 1_750
    assert {fault: 150 < seen.count(fault) < 250 for fault in COMMON} == dict.fromkeys(COMMON, True)
    assert set(seen) == set(COMMON)
    faults.heal()
    assert struck(faults, *["add"] * 100) == [None] * 100


@pytest.mark.parametrize(("share", "struck_of_100"), [(0.0, 0), (1.0, 100)])
def test_none_and_all_of_the_requests(share: float, struck_of_100: int) -> None:
    """A share of 0 strikes nothing, and a share of 1 strikes everything."""
    faults = Faults(seed=1)
    faults.scatter(share)
    assert sum(fault is not None for fault in struck(faults, *["add"] * 100)) == struck_of_100


def test_probability_and_times_go_together() -> None:
    """A fault with both strikes by chance, and no more often than that."""
    faults = Faults(seed=1)
    faults.add("*", Fault.EMPTY, times=3, probability=0.5)
    assert struck(faults, *["add"] * 100).count(Fault.EMPTY) == 3


@pytest.mark.parametrize("wrong", [{"times": 0}, {"probability": 1.5}, {"probability": -0.1}])
def test_impossible_faults_are_refused(wrong: dict[str, Any]) -> None:
    """Counts below one and probabilities outside 0 to 1 raise ValueError."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Faults().add("add", Fault.EMPTY, **wrong)


def test_delay_is_latency_and_a_part_of_jitter() -> None:
    """Every reply is delayed by the latency and up to the jitter more; healing restores the first figures."""
    faults = Faults(latency=0.5)
    faults.slow(1.0, jitter=0.5)
    delays = [faults.delay() for _ in range(200)]
    assert 1.0 <= min(delays) < 1.1 < 1.4 < max(delays) <= 1.5
    faults.heal()
    assert faults.delay() == 0.5


@pytest.mark.parametrize("fault", list(Fault), ids=lambda fault: fault.name)
@pytest.mark.parametrize("panel", ["notpanel", "panelbon", "v2"])
def test_a_fault_says_whether_the_panel_acted(open_box: OpenBox, panel: str, fault: Fault) -> None:
    """After any fault on `add` there is an order, and a charge, exactly if the fault acts."""
    box = open_box(panel)
    box.fail("add", fault)
    box.handle({"key": box.api_key, **ADD})
    assert len(box.orders) == fault.acts
    assert (box.spent > 0) == fault.acts
    assert box.requests[-1].fault is fault


SEEN = {
    Fault.DROP_BEFORE: (0, b"", Ending.NOTHING),
    Fault.DROP_AFTER: (0, b"", Ending.NOTHING),
    Fault.LATE: (200, b'{"balance":"100.00","currency":"USD"}', Ending.WHOLE),
    Fault.BAD_GATEWAY: (502, b'{"error":"server error"}', Ending.WHOLE),
    Fault.BAD_GATEWAY_AFTER: (502, b'{"error":"server error"}', Ending.WHOLE),
    Fault.GATEWAY_PAGE: (502, b"<html>", Ending.WHOLE),
    Fault.GATEWAY_PAGE_AFTER: (502, b"<html>", Ending.WHOLE),
    Fault.SERVER_ERROR: (500, b'{"error":"server error"}', Ending.WHOLE),
    Fault.SERVER_ERROR_AFTER: (500, b'{"error":"server error"}', Ending.WHOLE),
    Fault.TOO_MANY: (429, b'{"error":"Rate limit exceeded"}', Ending.WHOLE),
    Fault.HTML: (200, b"<!DOCTYPE html>", Ending.WHOLE),
    Fault.HTML_AFTER: (200, b"<!DOCTYPE html>", Ending.WHOLE),
    Fault.CUT_JSON: (200, b'{"balance":"100.00', Ending.WHOLE),
    Fault.CUT_CONNECTION: (200, b'{"balance":"100.00","currency":"USD"}', Ending.HALF),
    Fault.EMPTY: (200, b"", Ending.WHOLE),
    Fault.EMPTY_AFTER: (200, b"", Ending.WHOLE),
    Fault.GATEWAY_TIMEOUT: (504, b"<html>", Ending.WHOLE),
    Fault.GATEWAY_TIMEOUT_AFTER: (504, b"<html>", Ending.WHOLE),
    Fault.WARNING: (200, b"<br />\n<b>Warning</b>:", Ending.WHOLE),
    Fault.PLAIN_TEXT: (200, b'{"balance":"100.00","currency":"USD"}', Ending.WHOLE),
}


@pytest.mark.parametrize("fault", list(Fault), ids=lambda fault: fault.name)
def test_what_is_left_of_the_reply(open_box: OpenBox, fault: Fault) -> None:
    """Each fault has its status, its body and its way to end, on a panel with words of its own for a 502."""
    box = open_box("panelbon")
    box.fail("balance", fault, seconds=2.5)
    reply = box.handle({"key": box.api_key, "action": "balance"})
    status, start, ending = SEEN[fault]
    assert (reply.status, reply.ending) == (status, ending)
    assert reply.body.startswith(start)
    assert bool(reply.body) == bool(start)
    assert reply.delay == (2.5 if fault is Fault.LATE else 0.0)


def test_gateway_errors_are_pages_where_the_panel_has_no_words(open_box: OpenBox) -> None:
    """A 502 on a panel that documents none comes from the gateway in front of it, as HTML."""
    box = open_box("notpanel")
    box.fail("*", Fault.BAD_GATEWAY)
    reply = box.handle({"key": box.api_key, "action": "balance"})
    assert (reply.status, dict(reply.headers)["content-type"][:9]) == (502, "text/html")


def test_too_many_names_a_reset(open_box: OpenBox, clock: SimpleNamespace) -> None:
    """A 429 on demand carries the headers of a used-up key on a panel with limits, and none elsewhere."""
    replies = {}
    for panel in ("notpanel", "panelbon"):
        box = open_box(panel)
        box.fail("*", Fault.TOO_MANY, seconds=5)
        reply = box.handle({"key": box.api_key, "action": "balance"})
        replies[panel] = {name: value for name, value in reply.headers if name.startswith("X-")}
    assert replies == {
        "notpanel": {
            "X-RateLimit-Limit": "100",
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": str(int(clock.now) + 5),
            "X-RateLimit-DeniedBy": "key",
        },
        "panelbon": {},
    }


def test_repeating_a_dropped_order_under_its_id_makes_no_second(open_box: OpenBox, ask: Ask) -> None:
    """The reason for request ids: the reply was lost three times, and there is one order."""
    box = open_box("notpanel")
    box.fail("add", Fault.DROP_AFTER, times=3)
    for _ in range(3):
        box.handle({"key": box.api_key, **ADD})
    status, body = ask(box, "add", ADD)
    assert (status, body) == (200, {"order": box.orders[0].id})
    assert (len(box.orders), box.duplicates()) == (1, ())


def test_repeating_a_dropped_order_without_an_id_is_seen(open_box: OpenBox) -> None:
    """Without ids the same order sent again is a duplicate, and the sandbox tells."""
    box = open_box("panelbon")
    box.fail("add", Fault.DROP_AFTER)
    for _ in range(2):
        box.handle({"key": box.api_key, **ADD})
    (group,) = box.duplicates()
    assert [order.link for order in group] == [ADD["link"]] * 2
