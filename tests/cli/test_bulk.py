"""``smm bulk`` from a file of orders to its export, on both panels."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from smmclient.sandbox import Limits, Sandbox, serve

Smm = Callable[..., Any]


def write(path: Path, count: int = 5, *, extra: str = "", panel: str = "") -> Path:
    """A file of that many good orders, of 0.09 USD each."""
    rows = [f"1,https://e.example/{n},100{f',{panel}' if panel else ''}\n" for n in range(count)]
    path.write_text(f"service,link,quantity{',panel' if panel else ''}\n{''.join(rows)}{extra}")
    return path


def events(out: str) -> list[dict[str, Any]]:
    """The events of a stream of JSON lines."""
    return [json.loads(line) for line in out.splitlines()]


@pytest.fixture
def bon() -> Iterator[Sandbox]:
    """A PanelBon without limits, where every order is finished at once and well."""
    with serve("panelbon", limits=Limits(), seconds_to_finish=0, troubled=0) as box:
        yield box


@pytest.fixture(params=["notpanel", "panelbon"])
def either(request: pytest.FixtureRequest, profiles: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Each panel in turn, with the options that lead to it."""
    with serve(request.param, limits=Limits(), seconds_to_finish=0, troubled=0) as box:
        monkeypatch.setenv(f"{request.param.upper()}_API_KEY", box.api_key)
        yield box, ("--panel", request.param, "--base-url", box.base_url)


def test_a_file_is_placed_followed_shown_and_exported(smm: Smm, either: Any, tmp_path: Path) -> None:
    """The whole way on each panel; later commands need no option, the run knows where it goes."""
    box, at = either
    orders, run = write(tmp_path / "o.csv"), tmp_path / "run.db"
    checked = smm("bulk", "check", orders, *at)
    assert (checked.code, box.count("add")) == (0, 0)
    assert "5 rows, 5 good, 0 bad" in checked.out
    assert "5 orders for 0.45 USD; the account holds 100.00 USD" in checked.out
    placed = smm("bulk", "place", orders, "--run", run, "--limit", "none", *at)
    assert (placed.code, placed.err) == (0, "")
    assert [box.panel, "5", "5", "0", "0", "0", "0", "0.45 USD"] in placed.rows
    assert f"5 orders not final yet: `smm bulk follow {run}`" in placed.out
    followed = smm("bulk", "follow", run, "--limit", "none")
    assert followed.code == 0
    assert "5 completed; 0.00 USD came back" in followed.out
    shown = smm("bulk", "show", run)
    assert shown.code == 0
    assert "o.csv: 5 rows, read" in shown.out
    assert box.base_url in shown.out
    assert [box.panel, "5", "5", "0", "0", "0", "0", "0.45 USD"] in shown.rows
    assert smm("bulk", "doubt", run).rows == [["no row is in doubt"]]
    exported = smm("bulk", "export", run, "--format", "jsonl")
    assert [one["state"] for one in events(exported.out)] == ["done"] * 5
    assert {one["order_id"] for one in events(exported.out)} == {order.id for order in box.orders}
    assert box.duplicates() == ()


def test_placing_the_same_file_again_places_nothing(smm: Smm, either: Any, tmp_path: Path) -> None:
    """A run knows its rows, so whoever repeats the command by mistake pays nothing."""
    box, at = either
    call = ("bulk", "place", write(tmp_path / "o.csv"), "--run", tmp_path / "run.db", "--limit", "none", *at)
    smm(*call)
    again = smm(*call)
    assert again.code == 0
    assert "5 rows, 0 good, 5 known to the run, 0 bad" in again.out
    assert "nothing waits to be sent" in again.out
    assert len(box.orders) == 5


def test_rows_go_to_the_panels_and_profiles_that_they_name(
    smm: Smm, box: Sandbox, bon: Sandbox, profiles: Path, tmp_path: Path
) -> None:
    """Two accounts at one panel and another panel, in one file."""
    second = box.issue_key()
    profiles.write_text(
        f'[mine]\npanel = "notpanel"\nbase_url = "{box.base_url}"\napi_key = "{box.api_key}"\n'
        f'[yours]\npanel = "notpanel"\nbase_url = "{box.base_url}"\napi_key = "{second}"\n'
        f'[bon]\npanel = "panelbon"\nbase_url = "{bon.base_url}"\napi_key = "{bon.api_key}"\n'
    )
    profiles.chmod(0o600)
    orders = write(
        tmp_path / "o.csv", 2, panel="yours", extra="1,https://e.example/b,100,bon\n1,https://e.example/c,100,\n"
    )
    run = tmp_path / "run.db"
    placed = smm("bulk", "place", orders, "--run", run, "--profile", "mine", "--limit", "none", "--follow")
    assert placed.code == 0
    assert {row[0]: row[2] for row in placed.rows if len(row) == 8} == {
        "panel": "placed",
        "bon": "1",
        "mine": "1",
        "yours": "2",
    }
    assert (len(box.orders), len(bon.orders)) == (3, 1)
    assert "mine (notpanel): " in smm("bulk", "show", run).out
    assert smm("bulk", "resume", run).code == 0


def test_the_environment_names_the_panel_of_rows_without_one(
    smm: Smm, box: Sandbox, bon: Sandbox, profiles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SMM_PROFILE, or SMM_PANEL, which may be a profile's name, too; options go first."""
    profiles.write_text(
        f'[mine]\npanel = "notpanel"\nbase_url = "{box.base_url}"\napi_key = "{box.api_key}"\n'
        f'[bon]\npanel = "panelbon"\napi_key = "{bon.api_key}"\n'
    )
    profiles.chmod(0o600)
    orders = write(tmp_path / "o.csv", 1)
    monkeypatch.setenv("SMM_PROFILE", "mine")
    assert "mine: 1 order for" in smm("bulk", "check", orders).out
    assert "bon: 1 order for" in smm("bulk", "check", orders, "--panel", "bon", "--base-url", bon.base_url).out
    monkeypatch.delenv("SMM_PROFILE")
    monkeypatch.setenv("SMM_PANEL", "mine")
    assert "mine: 1 order for" in smm("bulk", "check", orders).out
    monkeypatch.setenv("SMM_PANEL", "bon")
    run = tmp_path / "run.db"
    assert smm("bulk", "place", orders, "--run", run, "--base-url", bon.base_url, "--limit", "none").code == 0
    profiles.write_text("")
    ran = smm("bulk", "follow", run)
    assert (ran.code, "--panel bon --profile NAME" in ran.err) == (2, True)


def test_an_address_needs_a_panel_where_the_run_has_several(
    smm: Smm, box: Sandbox, bon: Sandbox, profiles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key must not go to another panel's address by a guess."""
    profiles.write_text(
        f'[a]\npanel = "notpanel"\nbase_url = "{box.base_url}"\napi_key = "{box.api_key}"\n'
        f'[b]\npanel = "panelbon"\nbase_url = "{bon.base_url}"\napi_key = "{bon.api_key}"\n'
    )
    profiles.chmod(0o600)
    orders = tmp_path / "o.csv"
    orders.write_text("panel,service,link,quantity\na,1,https://e.example/a,100\nb,1,https://e.example/b,100\n")
    run = tmp_path / "run.db"
    assert smm("bulk", "place", orders, "--run", run).code == 0
    ran = smm("bulk", "follow", run, "--base-url", box.base_url)
    assert ran.code == 2
    assert "say with --panel which" in ran.err
    assert "the run has no panel 'c'" in smm("bulk", "follow", run, "--panel", "c").err
    assert smm("bulk", "follow", run, "--panel", "a", "--base-url", box.base_url).code == 0
    assert smm("bulk", "follow", run, "--panel", "a", "--profile", "a").code == 0


def test_bad_rows_are_listed_and_the_good_ones_go(
    smm: Smm, box: Sandbox, at_box: Sequence[str], tmp_path: Path
) -> None:
    """Line, column and reason of each; with --strict nothing goes."""
    orders = write(tmp_path / "o.csv", 2, extra="404,https://e.example/x,100\n1,https://e.example/y,5\n1,no link,100\n")
    checked = smm("bulk", "check", orders, *at_box)
    assert checked.code == 3
    assert [row[0].split(":")[:2] for row in checked.rows[:3]] == [
        ["line 4", " column service (A)"],
        ["line 5", " column quantity (C)"],
        ["line 6", " column link (B)"],
    ]
    run = tmp_path / "run.db"
    strict = smm("bulk", "place", orders, "--run", run, "--strict", *at_box)
    assert (strict.code, len(box.orders)) == (3, 0)
    assert "nothing was kept and nothing was sent" in strict.err
    placed = smm("bulk", "place", orders, "--run", run, "--limit", "none", *at_box)
    assert (placed.code, len(box.orders)) == (3, 2)
    assert "3 rows are invalid" in placed.out
    again = smm("bulk", "check", orders, "--run", run, *at_box)
    assert (again.code, "5 rows, 0 good, 2 known to the run, 3 bad" in again.out) == (3, True)


def test_twins_are_refused_unless_they_are_meant(smm: Smm, box: Sandbox, at_box: Sequence[str], tmp_path: Path) -> None:
    """The same order twice is a slip until its writer says that it is none."""
    orders = write(tmp_path / "o.csv", 1, extra="1,https://e.example/0,100\n")
    checked = smm("bulk", "check", orders, *at_box)
    assert checked.code == 3
    assert "line 3: the same order as line 2" in checked.out
    placed = smm("bulk", "place", orders, "--run", tmp_path / "r.db", "--allow-twins", "--limit", "none", *at_box)
    assert (placed.code, len(box.orders)) == (0, 2)
    assert "1 twin of another row let in" in placed.out


def test_a_check_against_a_run_knows_its_rows_and_keeps_nothing(
    smm: Smm, box: Sandbox, at_box: Sequence[str], tmp_path: Path
) -> None:
    """What the run has is known, and what is new is new again the next time."""
    run = tmp_path / "run.db"
    smm("bulk", "place", write(tmp_path / "o.csv", 2), "--run", run, "--limit", "none", *at_box)
    more = write(tmp_path / "more.csv", 3)
    for _ in range(2):
        ran = smm("bulk", "check", more, "--run", run, *at_box)
        assert (ran.code, "3 rows, 1 good, 2 known to the run, 0 bad" in ran.out) == (0, True)
    assert (smm("bulk", "place", more, "--run", run, *at_box).code, len(box.orders)) == (2, 2)
    added = smm("bulk", "place", more, "--run", run, "--add", "--limit", "none", *at_box)
    assert (added.code, len(box.orders)) == (0, 3)


def test_semicolons_and_a_byte_order_mark_are_read(
    smm: Smm, box: Sandbox, at_box: Sequence[str], tmp_path: Path
) -> None:
    """As a spreadsheet in Europe writes it; and JSON Lines by their suffix."""
    orders = tmp_path / "o.csv"
    orders.write_bytes(b"\xef\xbb\xbfservice;link;quantity\r\n1;https://e.example/a;100\r\n")
    assert smm("bulk", "check", orders, *at_box).code == 0
    lines = tmp_path / "o.jsonl"
    lines.write_text('{"service": 1, "link": "https://e.example/a", "quantity": 100, "panel": "notpanel"}\n')
    assert smm("bulk", "place", lines, "--run", tmp_path / "r.db", "--limit", "none", *at_box).code == 0
    assert len(box.orders) == 1


def test_json_is_one_event_a_line(smm: Smm, box: Sandbox, at_box: Sequence[str], tmp_path: Path) -> None:
    """From the check to the end, and flat; errors are lines, too."""
    orders = write(tmp_path / "o.csv", 2, extra="404,https://e.example/x,100\n")
    run = tmp_path / "run.db"
    ran = smm("bulk", "place", orders, "--run", run, "--limit", "none", "--follow", "--json", *at_box)
    told = events(ran.out)
    assert [one["event"] for one in told[:3]] == ["RowInvalid", "Checked", "PanelStarted"]
    assert (told[0]["line"], told[1]["good"], told[1]["panels"][0]["cost"]) == (4, 2, "0.18")
    placed = [one for one in told if one["event"] == "RowPlaced"]
    assert {one["line"] for one in placed} == {2, 3}
    assert {one["order"] for one in placed} == {order.id for order in box.orders}
    assert {(one["panel"], one["charge"], one["cost"]) for one in placed} == {("notpanel", None, "0.09")}
    changed = [one for one in told if one["event"] == "OrderChanged"]
    assert {(one["line"], one["state"]) for one in changed} == {(2, "completed"), (3, "completed")}
    assert (told[-1]["event"], told[-1]["code"], told[-1]["panels"][0]["spent"]) == ("Ended", 3, "0.18")
    assert events(smm("bulk", "show", run, "--json").out)[0]["panels"][0]["orders"] == {"completed": 2}
    (failed,) = events(smm("bulk", "show", tmp_path / "none.db", "--json").out)
    assert (failed["event"], failed["error"]["exit_code"]) == ("Failed", 2)


def test_what_came_back_is_shown(smm: Smm, profiles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every order that was not done in full has a line with its money."""
    with serve("notpanel", limits=Limits(), seconds_to_finish=0, troubled=1) as box:
        monkeypatch.setenv("NOTPANEL_API_KEY", box.api_key)
        at = ("--panel", "notpanel", "--base-url", box.base_url)
        orders = write(tmp_path / "o.csv", 8)
        ran = smm("bulk", "place", orders, "--run", tmp_path / "r.db", "--limit", "none", "--follow", *at)
        lost = box.spent
    assert ran.code == 0
    back = [row[0] for row in ran.rows if " USD came back" in row[0] and "o.csv line" in row[0]]
    assert len(back) == 8
    assert f"{Decimal('0.72') - lost:f}".rstrip("0") in ran.out.split("orders: ")[1]


def test_exports_are_whole_and_overwrite_nothing(smm: Smm, box: Sandbox, at_box: Sequence[str], tmp_path: Path) -> None:
    """A file that is there stays, unless it is to be replaced; the form is told by the name."""
    run = tmp_path / "run.db"
    smm("bulk", "place", write(tmp_path / "o.csv", 2), "--run", run, "--limit", "none", *at_box)
    for name, start in (("a.csv", b"\xef\xbb\xbf#number"), ("a.jsonl", b'{"number"'), ("a.html", b"<!DOCTYPE html>")):
        out = tmp_path / name
        assert smm("bulk", "export", run, out).code == 0
        assert out.read_bytes().startswith(start)
        assert box.api_key.encode() not in out.read_bytes()
    out.write_text("mine")
    ran = smm("bulk", "export", run, out)
    assert (ran.code, out.read_text()) == (2, "mine")
    assert "--force" in ran.err
    assert smm("bulk", "export", run, out, "--force").code == 0
    assert out.read_text() != "mine"
    assert "told from its name" in smm("bulk", "export", run, tmp_path / "a.xyz").err
    assert "is the run itself" in smm("bulk", "export", run, run, "--force", "--format", "csv").err
    assert smm("bulk", "export", run, tmp_path / "no" / "a.csv").code == 2
    assert smm("bulk", "export", run).out.count("\n") == 3
    assert smm("bulk", "export", run, "--format", "html").out.startswith("<!DOCTYPE")
    assert smm("bulk", "show", run).code == 0
    assert [one.name for one in tmp_path.iterdir() if one.name.endswith(".part")] == []


def test_the_limit_option_is_kept_to(smm: Smm, box: Sandbox, at_box: Sequence[str], tmp_path: Path) -> None:
    """So many requests and no more in the time given; catalog and balance are requests, too."""
    run = tmp_path / "run.db"
    assert smm("bulk", "place", write(tmp_path / "o.csv", 4), "--run", run, "--limit", "5/0.3", *at_box).code == 0
    times = sorted(one.at for one in box.requests)
    assert all(later - first >= 0.29 for first, later in zip(times, times[5:], strict=False))
    for wrong in ("5", "5/0", "0/60", "1_0/60", "5/-1", "x/1", "5/1e3"):
        ran = smm("bulk", "resume", run, "--limit", wrong)
        assert (ran.code, "such as 100/60" in ran.err) == (2, True)


def test_the_key_is_nowhere(smm: Smm, box: Sandbox, at_box: Sequence[str], tmp_path: Path) -> None:
    """Not in the run's files, nor in anything that is written."""
    run = tmp_path / "run.db"
    orders = write(tmp_path / "o.csv", 2)
    written = [smm("bulk", "place", orders, "--run", run, *at_box, *form) for form in ((), ("--json",))]
    written += [smm("bulk", "show", run, "--json"), smm("bulk", "export", run, "--format", "jsonl")]
    assert all(box.api_key not in ran.out + ran.err for ran in written)
    for path in tmp_path.glob("run.db*"):
        assert box.api_key.encode() not in path.read_bytes()


def test_help_is_quick_and_imports_nothing_heavy() -> None:
    """``smm bulk place --help`` shows the options without a database or a network library."""
    heavy = ("sqlite3", "httpx", "rich.live", "smmclient.bulk")
    code = f"import sys, smmclient.cli.run; print([name for name in {heavy} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_help_tells_the_exit_codes(smm: Smm) -> None:
    """Scripts can rely on them."""
    assert "5 rows are in doubt" in " ".join(smm("bulk", "--help").out.split())
    assert "--max-spend" in smm("bulk", "place", "--help").out
