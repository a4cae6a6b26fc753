"""Every reply that was seen in the wild, and which panel of the sandbox answers in that shape to what.

The samples are those of tests/wire/v2: each has a row in the table below, and the row is shown over real HTTP. Same
status, same kind of content type, same keys, same JSON types, and the same words where a reply has words.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from attrs import field, frozen

from sandbox_bench import Bench, Reply, bench
from smmclient.sandbox import Dialect, Fault, Limit, Limits, State
from smmclient.sandbox.dialects import Php

SAMPLES = {
    sample["id"]: sample
    for sample in json.loads((Path(__file__).parents[1] / "wire/v2/samples.json").read_text(encoding="utf-8"))
}


class Short(Dialect):
    """A panel of one's own that cuts its batches after one id, as others do after a hundred."""

    batch_limit = 1
    cuts_batches = True


class Slow(Dialect):
    """A panel of one's own with a word that nobody has seen, and without counters while nothing has begun."""

    words = MappingProxyType({**Dialect.words, State.PENDING: "Queued for review"})

    def status_row(self, order: Any, now: float) -> dict[str, object]:
        """Return the row with empty counters."""
        return super().status_row(order, now) | {"start_count": "", "remains": ""}


class SoldOut(Dialect):
    """A panel of one's own that sells nothing."""

    types = ()


class WithHeader(Php):
    """The rows of a script by hand, from a panel that calls its JSON so."""

    content_type = "application/json"


@frozen
class Met:
    """Which panel meets a sample, with which options, when it is asked what."""

    panel: str | Dialect
    ask: Callable[[Bench], Reply]
    options: Mapping[str, Any] = field(factory=dict)


def v2(flavour: str, ask: Callable[[Bench], Reply], **options: object) -> Met:
    """Return a flavour of the plain convention that meets a sample."""
    return Met("v2", ask, {"flavour": flavour, **options})


def running(to: Bench) -> Reply:
    """Ask for the status of an order that has begun."""
    order = to.order()
    to.wait(4)
    return to.post("status", order=order)


def failed(to: Bench) -> Reply:
    """Ask for the status of an order that the panel gave up."""
    while not any(order.state is State.CANCELED for order in to.box.orders):
        to.finished()
    return to.post("status", order=to.box.orders[-1].id)


def twice_on_one_link(to: Bench) -> Reply:
    """Order the same again while the first order is running."""
    to.add(link="https://example.com/same")
    return to.add(link="https://example.com/same")


def too_many_replies(to: Bench) -> Reply:
    """Order one reply more than the service takes."""
    return to.add(service=50, username="somebody", comments="\n".join(map(str, range(501))))


def one_good_one_poor(to: Bench) -> Reply:
    """Order twice in one call, with money for one."""
    link = "https://example.com/1"
    orders = [{"service": 1, "link": link, "quantity": quantity} for quantity in (1_000, 500_000)]
    return to.post("add_multi", orders=json.dumps(orders))


def two_refills(to: Bench) -> Reply:
    """Ask for refills of two finished orders, and of one that is not there."""
    return to.post("refill", orders=f"{to.finished()},{to.finished()},3")


def paired_refills(to: Bench) -> Reply:
    """Ask for refills of two finished orders."""
    return to.post("refill", orders=f"{to.finished()},{to.finished()}")


def refilled(to: Bench) -> Reply:
    """Ask for the status of a refill that is done."""
    refill = to.post("refill", order=to.finished()).json["refill"]
    to.wait()
    return to.post("refill_status", refill=refill)


def spoiled(fault: Fault, action: str) -> Callable[[Bench], Reply]:
    """Return a question whose answer is spoiled by the fault."""

    def ask(to: Bench) -> Reply:
        to.box.fail(action, fault)
        return to.add() if action == "add" else to.post(action)

    return ask


def suspended(to: Bench) -> Reply:
    """Ask with an account that is suspended."""
    to.box.suspend()
    return to.post("balance")


def used_up(to: Bench) -> Reply:
    """Ask once more than the limit allows."""
    to.post("balance")
    return to.post("balance")


WRONG_KEY = {"key": "wrong"}
TABLE: dict[str, Met] = {
    # The catalog. PerfectPanel's has drip-feed flags here; PanelBon's is the plain one.
    "v001": Met("panelbon", lambda to: to.post("services")),
    "v004": v2("cmsnt", lambda to: to.post("services")),
    "v007": v2("rest", lambda to: to.post("services")),
    # One row of a messy catalog: the panel that this is from has more of them, and sends the right header.
    "v010": Met(WithHeader(), lambda to: to.post("services")),
    "v013": v2("keyed", lambda to: to.post("services")),
    # No family of panels sells nothing.
    "v016": Met(SoldOut(), lambda to: to.post("services")),
    # Orders.
    "v019": v2("perfectpanel", lambda to: to.add()),
    "v022": v2("cmsnt", lambda to: to.add()),
    "v025": v2("php", lambda to: to.add()),
    "v028": v2("perfectpanel", lambda to: to.add(quantity=500_000)),
    "v031": v2("keyed", twice_on_one_link),
    "v034": v2("keyed", lambda to: to.add(service=999)),
    "v037": v2("php", too_many_replies),
    "v040": Met("notpanel", lambda to: to.add(service="")),
    "v043": v2("rest", one_good_one_poor, balance=5),
    # Statuses.
    "v046": v2("rest", running),
    "v049": v2("smartpanel", lambda to: to.post("status", order=to.order())),
    "v052": v2("keyed", failed, troubled=1.0),
    # No panel is known for a word that is not; a dialect of one's own says it.
    "v055": Met(Slow(), lambda to: to.post("status", order=to.order())),
    "v058": v2("laravel", lambda to: to.post("status", order="1")),
    "v061": Met("panelbon", lambda to: to.post("status", orders=f"{to.finished()},CR-002")),
    "v064": v2("laravel", lambda to: to.post("status", orders=f"{to.finished()},52")),
    # An id that is missing from a reply was cut off: cmsnt and keyed do it after a hundred.
    "v067": Met(Short(), lambda to: to.post("status", orders=f"{to.order()},8")),
    # Refills.
    "v070": Met("notpanel", lambda to: to.post("refill", order=to.finished())),
    "v073": v2("perfectpanel", two_refills),
    "v076": v2("laravel", paired_refills),
    "v079": v2("perfectpanel", refilled),
    "v082": v2("cmsnt", lambda to: to.post("refill_status", refill="1009")),
    "v085": v2("laravel", lambda to: to.post("refill_status", refills="8")),
    # Cancels.
    "v088": v2("perfectpanel", lambda to: to.post("cancel", orders=f"9,{to.order()}")),
    "v091": Met("notpanel", lambda to: to.post("cancel", order=to.order())),
    "v094": v2("rest", lambda to: to.post("cancel", order=to.order())),
    "v097": v2("laravel", lambda to: to.post("cancel", order=to.order())),
    "v100": v2("keyed", lambda to: to.post("cancel", order=to.order())),
    # Balances, and refusals of any action.
    "v103": v2("smartpanel", lambda to: to.post("balance")),
    "v106": Met("notpanel", suspended),
    "v109": v2("rest", lambda to: to.post("balance", **WRONG_KEY)),
    "v112": v2("keyed", used_up, limits=Limits(key=Limit(1))),
    "v115": v2("cmsnt", lambda to: to.post("wallet")),
    "v118": v2("laravel", lambda to: to.post("balance", **WRONG_KEY)),
    "v121": v2("keyed", lambda to: to.post("balance", path="/another")),
    # Faults on the way: they can strike on every panel.
    "v124": v2("php", spoiled(Fault.WARNING, "balance")),
    "v127": v2("php", spoiled(Fault.GATEWAY_TIMEOUT_AFTER, "add")),
    "v130": v2("perfectpanel", spoiled(Fault.PLAIN_TEXT, "balance")),
}


def shape(value: object, ids: Mapping[str, str]) -> object:
    """Return what is left of a value without its values: keys and JSON types; ids asked for by their place."""
    if isinstance(value, dict):
        return {ids.get(name, name): shape(one, ids) for name, one in value.items()}
    if isinstance(value, list):
        return [shape(one, ids) for one in value]
    if value is None or isinstance(value, bool):
        return type(value).__name__
    return "number" if isinstance(value, int | float) else "text"


def words(value: object, name: str = "") -> list[str]:
    """Return the words in a value, in order: errors, messages and statuses."""
    if isinstance(value, dict):
        return [word for key, one in value.items() for word in words(one, key)]
    if isinstance(value, list):
        return [word for one in value for word in words(one)]
    return [value] if isinstance(value, str) and name in ("error", "msg", "message", "status") else []


def asked(form: Mapping[str, str]) -> dict[str, str]:
    """Return the place of each id of a batch."""
    listed = form.get("orders") or form.get("refills") or ""
    return {each: f"id {place}" for place, each in enumerate(listed.split(","))}


def test_every_sample_has_a_row() -> None:
    """Nothing that was seen is passed over: the table and the samples name the same ids."""
    assert set(TABLE) == set(SAMPLES)
    assert len(SAMPLES) == 44


@pytest.mark.parametrize("name", TABLE)
def test_a_panel_meets_the_sample(name: str) -> None:
    """The panel of the table answers in the shape of the sample, over HTTP."""
    sample, met = SAMPLES[name], TABLE[name]
    with bench(met.panel, **met.options) as customer:
        reply = met.ask(customer)
        form = customer.box.requests[-1].form
    assert reply.status == sample["status"]
    assert reply.content_type.split(";")[0] == sample["content_type"].split(";")[0]
    before, seen = split(sample["body"])
    before_reply, body = split(reply.text)
    assert tags(before_reply) == tags(before)
    expected, found = shape(seen, asked(sample["request"])), shape(body, asked(form))
    if sample["action"] == "services" and seen:
        assert all(row in listed(found) for row in listed(expected))
        assert type(found) is type(expected)
        assert not isinstance(found, dict) or not isinstance(expected, dict) or found.keys() == expected.keys()
    else:
        assert found == expected
    assert words(body) == words(seen)


def split(text: str) -> tuple[str, object]:
    """Return what stands before the JSON of a body, and the JSON; a page has none."""
    lines = text.split("\n")
    for start in range(len(lines)):
        try:
            return "\n".join(lines[:start]), json.loads("\n".join(lines[start:]))
        except ValueError:
            continue
    return text, None


def tags(page: str) -> list[str]:
    """Return the names of a page's tags."""
    return [part.split(">")[0].split()[0] for part in page.split("<")[1:]]


def listed(catalog: object) -> list[object]:
    """Return the rows of a catalog, out of its wrapper if it has one."""
    rows = catalog["services"] if isinstance(catalog, dict) else catalog
    assert isinstance(rows, list)
    return rows
