"""Money, keys and doubt: what stops a run, what it says, and how it goes on."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from smmclient import RetryPolicy
from smmclient.bulk import Entry, Outcome, Placed, SqliteJournal, breaker, lane
from smmclient.bulk.account import AccountWatch
from smmclient.cli.bulk import doubt
from smmclient.cli.bulk.choices import Way
from smmclient.errors import InvalidLink, JournalError
from smmclient.model import Receipt
from smmclient.orders import AnyOrder
from smmclient.panel import Panel
from smmclient.pipeline.clock import SystemClock
from smmclient.sandbox import Fault, Limits, Sandbox, serve

Smm = Callable[..., Any]


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses are over at once."""
    monkeypatch.setattr(breaker, "_FIRST_PAUSE", 0.01)
    monkeypatch.setattr(lane, "_ASK_AFTER", (0.01,) * 7)
    usual = Way.settings
    retry = RetryPolicy(first_pause=0.001, longest_pause=0.001)
    monkeypatch.setattr(Way, "settings", lambda way: evolve(usual(way), retry=retry))


@pytest.fixture
def orders(tmp_path: Path) -> Path:
    """Ten orders of 0.09 USD."""
    path = tmp_path / "o.csv"
    rows = [f"1,https://e.example/{n},100,r{n}\n" for n in range(10)]
    path.write_text(f"service,link,quantity,ref\n{''.join(rows)}")
    return path


@pytest.fixture
def place(smm: Smm, at_box: Sequence[str], orders: Path, tmp_path: Path) -> Callable[..., Any]:
    """Place the file into the run."""

    def place(*options: object) -> Any:
        return smm("bulk", "place", orders, "--run", tmp_path / "run.db", "--limit", "none", *at_box, *options)

    return place


@pytest.fixture
def resume(smm: Smm, tmp_path: Path) -> Callable[..., Any]:
    """Go on with the run."""

    def resume(*options: object) -> Any:
        return smm("bulk", "resume", tmp_path / "run.db", "--limit", "none", *options)

    return resume


def test_max_spend_is_reached_and_raised(place: Smm, resume: Smm, box: Sandbox) -> None:
    """No cent more than said, over all sessions; then the rest goes."""
    ran = place("--max-spend", "0.50")
    assert (ran.code, len(box.orders)) == (4, 5)
    assert "more than --max-spend 0.50" in ran.out
    assert "5 rows are not sent yet" in ran.out
    assert (resume("--max-spend", "0.50").code, len(box.orders)) == (4, 5)
    assert (resume("--max-spend", "5").code, len(box.orders)) == (0, 10)
    assert box.duplicates() == ()


def test_max_order_holds_and_reserve_stops(
    place: Smm, resume: Smm, box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Held rows are told, and wait."""
    # The panel's figure is up to 30 s old: that long it would be waited for before the reserve stops the run.
    monkeypatch.setattr(AccountWatch, "look_again", AccountWatch.look)
    ran = place("--max-order", "0.05")
    assert (ran.code, len(box.orders)) == (4, 0)
    assert "10 rows would be held: it costs more than one order may" in ran.out
    assert "o.csv line 2 (r0): held, not sent: it costs 0.09" in ran.out
    assert (resume("--no-guards", "--reserve", "99.70").code, len(box.orders)) == (4, 3)
    assert (resume("--no-guards").code, len(box.orders)) == (0, 10)


def test_funds_that_are_gone_stop_the_run_until_they_are_there(place: Smm, resume: Smm, box: Sandbox) -> None:
    """Nothing of the rest is lost, nothing is ordered twice."""
    box.set_balance("0.50")
    ran = place()
    assert (ran.code, len(box.orders)) == (4, 5)
    assert "0.40 USD too little" in ran.out
    assert "notpanel stopped" in ran.out
    assert "top up at the panel, then resume" in ran.out
    box.set_balance(100)
    assert (resume().code, len(box.orders), box.duplicates()) == (0, 10, ())


def test_a_revoked_key_and_a_suspended_account_stop_the_run(
    place: Smm, resume: Smm, box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They would hit every row: one is tried, and the rest waits."""
    place("--max-spend", "0.20")
    box.suspend()
    ran = resume()
    assert (ran.code, "ask the panel why" in ran.out) == (4, True)
    box.suspend(is_suspended=False)
    key = box.issue_key()
    box.revoke_key(box.api_key)
    ran = resume()
    assert (ran.code, "check the key" in ran.out) == (4, True)
    assert len(box.orders) == 2
    monkeypatch.setenv("NOTPANEL_API_KEY", key)
    assert "--same-account" in resume().err
    assert (resume("--same-account", "--no-guards").code, len(box.orders), box.duplicates()) == (0, 10, ())


def test_refusals_are_told_with_line_and_reason(place: Smm, box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """And counted by class at the end; what a service has become since the catalog is the panel's to say."""
    refuse = InvalidLink("Bad \x1b[31mlink", text="Bad link")

    async def add_order(self: Panel, order: AnyOrder, **_: Any) -> Receipt:
        raise refuse

    monkeypatch.setattr(Panel, "add_order", add_order)
    ran = place()
    assert (ran.code, box.orders) == (3, ())
    assert ran.out.count("(r3): refused: InvalidLink: Bad link") == 1
    assert "notpanel: refused: 10 InvalidLink" in ran.out
    assert "10 rows are refused" in ran.out
    assert "\x1b" not in ran.out


def test_an_outcome_that_cannot_be_saved_is_loud(
    place: Smm, resume: Smm, box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order's id goes to stderr, in every form; the row is in doubt, and is found again by its request_id."""
    settle = SqliteJournal.settle

    def broken(self: SqliteJournal, entry: Entry, outcome: Outcome, *, at: float) -> Awaitable[None]:
        async def fail() -> None:
            raise JournalError("the disk is full")

        return fail() if isinstance(outcome, Placed) else settle(self, entry, outcome, at=at)

    with monkeypatch.context() as broke:
        broke.setattr(SqliteJournal, "settle", broken)
        ran = place("--json", "--connections", 1)
    assert ran.code == 5
    assert "NOTE THIS DOWN: notpanel o.csv line 2 (r0), ref r0, WAS PLACED as order ord_" in ran.err
    assert 1 <= len(box.orders) < 10
    assert all(f"WAS PLACED as order {made.id}" in ran.err for made in box.orders)
    told = [json.loads(line) for line in ran.out.splitlines()]
    lost = [one for one in told if one["event"] == "RowNotSaved"]
    assert [one["order"] for one in lost] == [made.id for made in box.orders]
    assert (lost[0]["ref"], lost[0]["outcome"]) == ("r0", "placed")
    assert [one["event"] for one in told[-2:]] == ["Failed", "Ended"]
    assert (resume().code, len(box.orders), box.duplicates()) == (0, 10, ())


def test_a_panel_that_forgets_to_answer_is_asked_again(place: Smm, box: Sandbox) -> None:
    """With a request_id a lost reply is found; each order is made once."""
    box.fail("add", Fault.DROP_AFTER, times=3)
    assert (place("--connections", 1).code, len(box.orders), box.duplicates()) == (0, 10, ())


def test_an_outage_is_waited_for(place: Smm, resume: Smm, box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses are told with their reason; without a catalog nothing is kept at all."""
    monkeypatch.setattr(breaker, "_LONGEST_PAUSE", 0.01)
    box.fail("services", Fault.GATEWAY_PAGE, times=400)
    assert (place().code, box.count("add")) == (4, 0)
    box.heal()
    assert place("--max-spend", "0.10").code == 4
    box.fail("balance", Fault.GATEWAY_PAGE, times=8)
    ran = resume("--no-guards")
    assert (ran.code, len(box.orders), box.duplicates()) == (0, 10, ())
    assert "notpanel: paused for 0.01 s: notpanel balance: " in ran.out


# ------------------------------------------------------------------------------------------------- rows in doubt


@pytest.fixture
def bon(profiles: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A PanelBon, which has no request_id: a lost reply is a doubt for ever."""
    with serve("panelbon", limits=Limits(), seconds_to_finish=0, troubled=0) as box:
        monkeypatch.setenv("PANELBON_API_KEY", box.api_key)
        yield box


@pytest.fixture
def at_bon(bon: Sandbox) -> tuple[str, ...]:
    """The options that lead there."""
    return ("--panel", "panelbon", "--base-url", bon.base_url, "--limit", "none")


@pytest.fixture
def leap(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Sleeping before a look at the balance moves the clock instead; returns what was slept."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(doubt, "_sleep", sleep)
    monkeypatch.setattr(SystemClock, "wall", lambda self: time.time() + sum(slept))
    return slept


def test_doubt_is_weighed_decided_and_sent(
    smm: Smm, bon: Sandbox, at_bon: Sequence[str], orders: Path, tmp_path: Path, leap: list[float]
) -> None:
    """One order was made and one was not: the balance tells how many, the user which."""
    run = tmp_path / "run.db"
    leap.append(3600.0)  # nothing was ordered lately
    bon.fail("add", Fault.DROP_AFTER)
    bon.fail("add", Fault.BAD_GATEWAY)
    placed = smm("bulk", "place", orders, "--run", run, "--connections", 1, *at_bon)
    assert placed.code == 5
    assert "2 rows are in doubt: do not order them again" in placed.out
    offline = smm("bulk", "doubt", run, "--offline")
    assert (offline.code, len(leap)) == (5, 1)
    headings, *rows = offline.rows
    assert headings[:3] == ["ref", "panel", "source"]
    assert [(row[0], row[4], row[5], row[10]) for row in rows] == [
        ("r0", "1", "https://e.example/0", "unclear"),
        ("r1", "1", "https://e.example/1", "unclear"),
    ]
    ran = smm("bulk", "doubt", run, "--limit", "none")
    assert ran.code == 5
    assert f"waiting {leap[1]:g} s: panelbon" in ran.err
    assert "missing 0.09 USD" in ran.err
    assert "the price of 1 of 2, and their prices do not tell which" in ran.err
    made = next(order for order in bon.orders if order.link.endswith("/0"))
    unknown = smm("bulk", "resolve", run, "r0", "--placed", "31337", "--limit", "none")
    assert (unknown.code, "does not know order 31337" in unknown.err, "--unchecked" in unknown.err) == (2, True, True)
    assert smm("bulk", "resolve", run, "r0", "--placed", "31337", "--unchecked").code == 0
    assert "waits again" in smm("bulk", "resolve", run, "r0", "--not-placed").out
    believed = smm("bulk", "resolve", run, "r0", "--placed", made.id, "--limit", "none")
    assert (believed.code, f"r0 (line 2) was placed as order {made.id}, which is completed" in believed.out) == (
        0,
        True,
    )
    assert smm("bulk", "resolve", run, "r2", "--not-placed").code == 2
    assert smm("bulk", "resolve", run, "nobody", "--not-placed").code == 2
    assert "waits again" in smm("bulk", "resolve", run, "r1", "--not-placed").out
    assert (smm("bulk", "resume", run, "--limit", "none").code, len(bon.orders)) == (0, 10)
    assert bon.duplicates() == ()
    assert smm("bulk", "doubt", run).code == 0


def test_doubt_is_json_too(
    smm: Smm, bon: Sandbox, at_bon: Sequence[str], orders: Path, tmp_path: Path, leap: list[float]
) -> None:
    """One line, with rows and evidence; and a decision is one."""
    run = tmp_path / "run.db"
    leap.append(3600.0)
    bon.fail("add", Fault.DROP_AFTER)
    told = [
        json.loads(line)
        for line in smm("bulk", "place", orders, "--run", run, "--connections", 1, "--json", *at_bon).out.splitlines()
    ]
    (event,) = [one for one in told if one["event"] == "RowInDoubt"]
    assert (event["ref"], event["asked_again"], event["cost"], told[-1]["code"]) == ("r0", False, "0.09", 5)
    ran = smm("bulk", "doubt", run, "--json", "--limit", "none")
    (doubtful,) = ran.out.splitlines()
    found = json.loads(doubtful)
    assert [(one["ref"], one["likely"]) for one in found["rows"]] == [("r0", "probably placed")]
    assert (found["evidence"][0]["missing"], found["evidence"][0]["placed"]) == ("0.09", 1)
    decided = json.loads(smm("bulk", "resolve", run, "r0", "--placed", bon.orders[0].id, "--json").out)
    assert (decided["state"], decided["order"]) == ("done", bon.orders[0].id)


def test_no_verdict_while_orders_are_open(
    smm: Smm, profiles: Path, orders: Path, tmp_path: Path, leap: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not waited for what cannot come: the orders are to be followed first, and `place` says so, too."""
    run = tmp_path / "run.db"
    leap.append(3600.0)
    with serve("panelbon", limits=Limits(), seconds_to_finish=3600, troubled=0) as box:
        monkeypatch.setenv("PANELBON_API_KEY", box.api_key)
        box.fail("add", Fault.DROP_AFTER)
        at_box = ("--panel", "panelbon", "--base-url", box.base_url, "--limit", "none")
        placed = smm("bulk", "place", orders, "--run", run, "--connections", 1, *at_box)
        assert placed.out.index("smm bulk follow") < placed.out.index("smm bulk doubt")
        ran = smm("bulk", "doubt", run, "--limit", "none")
    assert (ran.code, len(leap)) == (5, 1)
    assert {row[10] for row in ran.rows[1:]} == {"unclear"}
    assert "9 orders not known to be final: no verdict until then" in ran.err
    assert ran.err.index("smm bulk follow") < ran.err.index("smm bulk resolve")
