"""``smm panels``: a panel of one's own in a file, known to every command from then on."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

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
    assert "CHEAP_API_KEY" in ran.err
    text = file.read_text()
    assert 'base_url = "https://c.example"' in text
    assert "batch_size = 50" in text
    assert 'X-Client = "a b"' in text
    if os.name == "posix":
        assert file.stat().st_mode & 0o777 == 0o600


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
        (["add", "c", "--base-url", "https://c.example", "--set", "features=1", "--set", "features.a=1"], "as a whole"),
        (["add", "a", "--base-url", "https://c.example"], "has a panel 'a' already"),
        (["remove", "nobody"], "there is no panel 'nobody'"),
        (["add", "c"], "base-url"),
        (["test", "nobody"], "no provider is named 'nobody'"),
        (["test", "a", "--panel", "b"], "named twice"),
    ],
)
def test_what_cannot_be_done_changes_nothing(smm: Smm, file: Path, arguments: list[str], said: str) -> None:
    """It says why, and the file stays as it was."""
    file.write_text('[a]\nbase_url = "https://a.example"\n')
    ran = smm("panels", *arguments)
    assert ran.code == 2
    assert said in ran.err
    assert file.read_text() == '[a]\nbase_url = "https://a.example"\n'


def test_a_file_that_is_wrong_does_not_stop_other_panels(smm: Smm, file: Path, at_box: tuple[str, ...]) -> None:
    """Only those who ask for a panel of the file are told."""
    file.write_text("[a]\nbase_url = 5\n")
    assert smm("balance", *at_box).code == 0
    ran = smm("balance", "--panel", "a")
    assert ran.code == 2
    assert f"{file}: [a] needs base_url" in ran.err
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


# -------------------------------------------------------------------------------------------------- files of orders


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
