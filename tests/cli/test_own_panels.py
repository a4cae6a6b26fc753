"""``smm panels``: a panel of one's own in a file, known to every command from then on."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from smmclient import registry
from smmclient.sandbox import Limits, Sandbox, serve

Smm = Callable[..., Any]


@pytest.fixture
def v2() -> Iterator[Sandbox]:
    """A panel of the convention, where every order is finished at once and well."""
    with serve("v2", limits=Limits(), seconds_to_finish=0, troubled=0) as box:
        yield box


@pytest.fixture
def file(profiles: Path) -> Path:
    """Where the panels are kept."""
    return profiles.with_name("panels.toml")


@pytest.fixture
def cheap(smm: Smm, v2: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """A panel named cheap, whose key is in the environment."""
    assert smm("panels", "add", "cheap", "--base-url", v2.base_url).code == 0
    monkeypatch.setenv("CHEAP_API_KEY", v2.api_key)
    return v2


def test_a_panel_is_added_listed_used_and_removed(smm: Smm, cheap: Sandbox, file: Path) -> None:
    """By its name, as any provider."""
    assert smm("panels", "list").rows[1:] == [["cheap", cheap.base_url, "CHEAP_API_KEY", "yes"]]
    assert ["balance", "100.00"] in smm("balance", "--panel", "cheap").rows
    placed = smm("order", "--panel", "cheap", "--service", 1, "--link", "https://e.com/p", "--quantity", 100, "--json")
    assert placed.json["order"] == cheap.orders[0].id
    assert "cheap" in [row[0] for row in smm("providers").rows]
    assert smm("panels", "remove", "cheap").code == 0
    assert smm("panels", "list").out == ""


def test_knobs_are_set_and_kept(smm: Smm, file: Path) -> None:
    """A value that is not TOML is text; tables are reached with a point."""
    ran = smm(
        *("panels", "add", "cheap", "--base-url", "https://c.example", "--set", "batch_size=50"),
        *("--set", "features.refill=no", "--set", "headers.X-Client=a b", "--set", 'list_only=["refill"]'),
    )
    assert ran.code == 0, ran.err
    assert "https://c.example/api/v2" in ran.out
    assert "put its key into CHEAP_API_KEY, then: smm panels test cheap" in ran.err
    text = file.read_text()
    assert 'base_url = "https://c.example"' in text
    assert "batch_size = 50" in text
    assert 'X-Client = "a b"' in text
    if os.name == "posix":
        assert file.stat().st_mode & 0o777 == 0o600


def test_whether_a_key_is_set_is_told(smm: Smm, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty variable holds none, and one that holds a key need not be set again."""
    monkeypatch.setenv("CHEAP_API_KEY", "k-1")
    assert "its key is in CHEAP_API_KEY" in smm("panels", "add", "cheap", "--base-url", "https://c.example").err
    assert smm("panels", "list").rows[1][3] == "yes"
    monkeypatch.setenv("CHEAP_API_KEY", "")
    assert smm("panels", "list").rows[1][3] == "no"
    assert smm("panels", "list", "--json").json[0]["has_key"] is False
    ran = smm("balance", "--panel", "cheap")
    assert ran.code == 2
    assert "there is no key for cheap" in ran.err
    assert "put it into CHEAP_API_KEY" in ran.err
    assert "api_key," not in ran.err


def test_comments_and_the_rest_of_the_file_stay(smm: Smm, file: Path) -> None:
    """It is the user's file: only the table in question is touched."""
    mine = '# mine\n[a]\nbase_url = "https://a.example" # of A\n\n# two\n[b]\nbase_url = "https://b.example"\n'
    file.write_text(mine)
    assert smm("panels", "add", "c", "--base-url", "https://c.example").code == 0
    assert file.read_text().startswith(mine)
    assert smm("panels", "remove", "c").code == 0
    assert file.read_text().rstrip() == mine.rstrip()
    assert smm("panels", "remove", "b").code == 0
    assert '[a]\nbase_url = "https://a.example" # of A' in file.read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["add", "Bad Name", "--base-url", "https://c.example"], "is no name for a panel"),
        (["add", "notpanel", "--base-url", "https://c.example"], "installed provider"),
        (["add", "c", "--base-url", "http://c.example"], "must be https"),
        (["add", "c", "--base-url", "https://c.example", "--set", "batchsize=5"], "did you mean 'batch_size'"),
        (["add", "c", "--base-url", "https://c.example", "--set", "batch_size"], "must be KNOB=VALUE"),
        (["add", "c", "--base-url", "https://c.example", "--set", "base_url=https://d.example"], "with --base-url"),
        (["add", "c", "--base-url", "https://c.example", "--set", "batch_size=1", "--set", "batch_size=2"], "twice"),
        (["add", "c", "--base-url", "https://c.example", "--set", "headers.Host=d.example"], "not yours to set"),
        (["add", "c", "--base-url", "https://c.example", "--set", "features.refill=maybe"], "refill: it must be"),
        (["add", "c", "--base-url", "https://c.example?x=1"], "a query and no path"),
        (["add", "not-panel", "--base-url", "https://c.example?key=s3cret"], "a query and no path"),
        (["add", "c", "--base-url", "https://c.example", "--set", "features=1", "--set", "features.a=1"], "as a whole"),
        (["add", "a", "--base-url", "https://c.example"], "has a panel 'a' already"),
        (["remove", "nobody"], "there is no panel 'nobody'"),
        (["add", "c"], "base-url"),
        (["test", "nobody"], "'nobody' is neither a provider nor a profile"),
        (["test", "a", "--panel", "b"], "named twice"),
    ],
)
def test_what_cannot_be_done_changes_nothing(smm: Smm, file: Path, arguments: list[str], said: str) -> None:
    """It says why, and the file stays as it was."""
    file.write_text('[a]\nbase_url = "https://a.example"\n')
    ran = smm("panels", *arguments)
    assert ran.code == 2
    assert said in ran.err
    assert "s3cret" not in ran.err
    assert file.read_text() == '[a]\nbase_url = "https://a.example"\n'


def test_a_file_that_is_wrong_does_not_stop_other_panels(smm: Smm, file: Path, at_box: tuple[str, ...]) -> None:
    """Only those who ask for a panel of the file are told."""
    file.write_text("[a]\nbase_url = 5\n")
    assert smm("balance", *at_box).code == 0
    ran = smm("balance", "--panel", "a")
    assert ran.code == 2
    assert f"{file}: [a] needs base_url" in ran.err
    assert f"mend {file}" in ran.err
    assert smm("balance", "--panel", "a", "--json").json["error"]["type"] == "ConfigError"
    ran = smm("panels", "add", "b", "--base-url", "https://b.example")
    assert ran.code == 2
    assert file.read_text() == "[a]\nbase_url = 5\n"


def test_the_list_of_providers_names_a_file_that_is_wrong(smm: Smm, file: Path) -> None:
    """Beside the providers that it has."""
    file.write_text("[a]\nbase_url = 5\n")
    ran = smm("providers")
    assert f"{file}: [a] needs base_url" in ran.err
    assert "notpanel" in [row[0] for row in ran.rows]


# ------------------------------------------------------------------------------------------------------ panels test


def test_a_panel_is_tried_without_an_order(smm: Smm, cheap: Sandbox) -> None:
    """It tells the balance, what the catalog shows, how a status is answered, and a row of features."""
    ran = smm("panels", "test", "cheap")
    assert ran.code == 0, ran.err
    rows = {row[0]: row[1] for row in ran.rows}
    assert rows["balance"] == "100.00 USD"
    assert int(rows["services"]) > 40
    assert "Default" in rows["types"]
    assert rows["service ids"] == "numbers"
    assert "set packages_bill_min or package_rate_per" in rows["packages"]
    assert rows["status"] == "answers; refuses order 1 with 'Incorrect order ID'"
    features = dict(zip(*ran.rows[-2:], strict=True))
    assert (features["panel"], features["refill"], features["coupon"]) == ("cheap", "seen", "undocumented")
    assert not cheap.orders
    assert {one.action for one in cheap.requests} == {"balance", "services", "status"}


def test_an_order_of_ours_tells_how_statuses_are_spelled(smm: Smm, cheap: Sandbox) -> None:
    """With the panel's own word."""
    smm("order", "--panel", "cheap", "--service", 1, "--link", "https://e.com/p", "--quantity", 100)
    told = smm("panels", "test", "cheap", "--order", cheap.orders[0].id, "--json").json
    assert told["status"]["raw_state"] == "Completed"
    assert told["balance"]["amount"] == "99.91"
    assert told["services"]["problems"] == []
    assert told["features"]["refill"] == "seen"


def test_a_key_that_is_refused_is_not_tried_again(smm: Smm, cheap: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some panels lock an address out after a few."""
    monkeypatch.setenv("CHEAP_API_KEY", "wrong-key")
    ran = smm("panels", "test", "cheap")
    assert ran.code == 3
    assert "Invalid API key" in ran.err
    assert len(cheap.requests) == 1


@pytest.mark.parametrize("order", ["12", " 12", "12 "])
def test_the_order_that_is_asked_for_may_have_spaces_around_it(smm: Smm, cheap: Sandbox, order: str) -> None:
    """As copied from somewhere: it is the same id."""
    ran = smm("panels", "test", "cheap", "--order", order)
    assert ran.code == 3
    rows = {row[0]: row[1] for row in ran.rows}
    assert rows["status"] == "UnknownOrder: 12: Incorrect order ID"
    assert rows["status of two"] == "answers for each of several in one call"


@pytest.mark.parametrize(
    ("flavour", "answers_many", "told"),
    [
        ("perfectpanel", True, "answers for each of several in one call"),
        ("laravel", False, "set features.status_batch=no"),
    ],
)
@pytest.mark.parametrize("is_ours", [True, False])
def test_whether_a_panel_answers_for_several_orders_is_told(
    smm: Smm,
    no_waiting: None,
    profiles: Path,
    monkeypatch: pytest.MonkeyPatch,
    flavour: str,
    answers_many: bool,
    told: str,
    is_ours: bool,
) -> None:
    """Some answer with a list that does not say which row is whose: the knob that helps is named."""
    with serve("v2", flavour=flavour, limits=Limits()) as box:
        smm("panels", "add", "cheap", "--base-url", box.base_url)
        monkeypatch.setenv("CHEAP_API_KEY", box.api_key)
        smm("order", "--panel", "cheap", "--service", 1, "--link", "https://e.com/p", "--quantity", 100)
        given = ("--order", box.orders[0].id) if is_ours else ()
        line = {row[0]: row[1] for row in smm("panels", "test", "cheap", *given).rows}["status of two"]
        assert told in line
        assert ("surer with --order" in line) is not is_ours
        found = smm("panels", "test", "cheap", *given, "--json").json
        assert found["answers_many"] is answers_many
        assert found["statuses"].keys() == ({box.orders[0].id, "1"} if is_ours else {"1", "2"})


def test_a_panel_of_which_it_is_known_is_not_asked_for_two(
    smm: Smm, cheap: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With status_batch=no each order is asked for by itself anyway."""
    smm("panels", "add", "one", "--base-url", cheap.base_url, "--set", "features.status_batch=no")
    monkeypatch.setenv("ONE_API_KEY", cheap.api_key)
    assert "status of two" not in smm("panels", "test", "one").out
    assert cheap.count("status") == 1


def test_a_dead_panel_has_no_row_of_features(
    smm: Smm, no_waiting: None, closed_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing was asked but the balance: there is nothing to tell."""
    smm("panels", "add", "dead", "--base-url", f"http://127.0.0.1:{closed_port}")
    monkeypatch.setenv("DEAD_API_KEY", "k-1")
    ran = smm("panels", "test", "dead")
    assert ran.code == 4
    assert [row[0] for row in ran.rows] == ["dead", "balance"]


# -------------------------------------------------------------------------------------------------- files of orders


def test_a_run_whose_panel_was_taken_out_says_how_to_put_it_back(smm: Smm, cheap: Sandbox, tmp_path: Path) -> None:
    """It was no profile: the command that is printed makes it known again."""
    orders, run = tmp_path / "o.csv", tmp_path / "run.db"
    orders.write_text("panel,service,link,quantity\ncheap,1,https://e.com/1,100\ncheap,1,https://e.com/2,100\n")
    assert smm("bulk", "place", orders, "--run", run, "--max-spend", "0.1").code == 4
    smm("panels", "remove", "cheap")
    registry._registered.pop("cheap")
    ran = smm("bulk", "resume", run, "--no-guards")
    assert ran.code == 2
    assert "the run's panel 'cheap' is no longer known" in ran.err
    command = ran.err.split("add it again: smm ")[1].split()
    assert smm(*command).code == 0
    assert smm("bulk", "resume", run, "--no-guards").code == 0
    assert len(cheap.orders) == 2


def test_a_file_of_orders_names_a_panel_of_ones_own(
    smm: Smm, cheap: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``panel`` in a row is the panel's name, and its key comes from the environment or a profile of that name."""
    orders, run = tmp_path / "o.csv", tmp_path / "run.db"
    orders.write_text("panel,service,link,quantity\ncheap,1,https://e.com/1,100\ncheap,1,https://e.com/2,100\n")
    ran = smm("bulk", "place", orders, "--run", run)
    assert ran.code == 0, ran.err
    assert len(cheap.orders) == 2
    monkeypatch.delenv("CHEAP_API_KEY")
    profiles = tmp_path / "profiles.toml"
    profiles.write_text(f'[cheap]\npanel = "cheap"\napi_key = "{cheap.api_key}"\n')
    profiles.chmod(0o600)
    orders.write_text("panel,service,link,quantity\ncheap,1,https://e.com/3,100\n")
    ran = smm("bulk", "place", orders, "--run", run, "--add")
    assert ran.code == 0, ran.err
    assert len(cheap.orders) == 3
