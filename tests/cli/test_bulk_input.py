"""Files, runs and options that cannot be used: what is said, and that nothing is sent."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from smmclient.sandbox import Sandbox

Smm = Callable[..., Any]
GOOD = "service,link,quantity\n1,https://e.example/a,100\n"


@pytest.fixture
def run(smm: Smm, box: Sandbox, at_box: Sequence[str], tmp_path: Path) -> Path:
    """A run with one placed order."""
    orders, run = tmp_path / "good.csv", tmp_path / "run.db"
    orders.write_text(GOOD)
    assert smm("bulk", "place", orders, "--run", run, "--limit", "none", *at_box).code == 0
    return run


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "there is no such file"),
        ("", "is empty"),
        ("service,link,amount_of_it\n", "amount_of_it"),
        ("\x00\x01\x02", ""),
    ],
)
@pytest.mark.parametrize("command", ["check", "place"])
def test_a_file_that_is_none_is_2(
    smm: Smm, box: Sandbox, at_box: Sequence[str], tmp_path: Path, command: str, text: str | None, told: str
) -> None:
    """Nothing is sent, and the line says what is wrong."""
    orders = tmp_path / "o.csv"
    if text is not None:
        orders.write_text(text)
    more = ("--run", tmp_path / "run.db") if command == "place" else ()
    ran = smm("bulk", command, orders, *more, *at_box)
    assert ran.code == 2
    assert told in ran.err
    assert "nothing was" in ran.err
    assert box.orders == ()


def test_a_directory_is_no_file(smm: Smm, at_box: Sequence[str], tmp_path: Path) -> None:
    """Neither as the file nor as the run; and no run is begun for a file that is missing."""
    assert "it is a directory" in smm("bulk", "check", tmp_path, *at_box).err
    assert smm("bulk", "show", tmp_path).code == 2
    smm("bulk", "place", tmp_path / "none.csv", "--run", tmp_path / "run.db", *at_box)
    assert list(tmp_path.iterdir()) == []


def test_a_row_for_an_unknown_panel_is_a_bad_row(smm: Smm, at_box: Sequence[str], tmp_path: Path) -> None:
    """The others can go; a panel that the command names must be one."""
    orders = tmp_path / "o.csv"
    orders.write_text("panel,service,link,quantity\nnopanel,1,https://e.example/a,100\n,1,https://e.example/a,100\n")
    ran = smm("bulk", "check", orders, *at_box)
    assert ran.code == 3
    assert "line 2: column panel (A): there is no panel 'nopanel' in this run" in ran.out
    ran = smm("bulk", "check", orders, "--panel", "nopanel")
    assert (ran.code, "neither a provider nor a profile" in ran.err) == (2, True)
    nobody = smm("bulk", "check", orders)
    assert "no panel is named for the row" in nobody.out
    assert "--panel NAME" in smm("bulk", "check", orders, "--base-url", "https://e.example").err


def test_a_missing_key_is_named(
    smm: Smm, at_box: Sequence[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment's variable that it is looked for in."""
    monkeypatch.delenv("NOTPANEL_API_KEY")
    orders = tmp_path / "o.csv"
    orders.write_text(GOOD)
    ran = smm("bulk", "check", orders, *at_box)
    assert (ran.code, "NOTPANEL_API_KEY" in ran.err) == (2, True)


def test_file_and_run_swapped_leave_both_alone(smm: Smm, run: Path, at_box: Sequence[str], tmp_path: Path) -> None:
    """Neither is overwritten, and the error says which is which."""
    orders = tmp_path / "good.csv"
    before = run.read_bytes()
    ran = smm("bulk", "place", run, "--run", orders, *at_box)
    assert (ran.code, "not a run's journal" in ran.err) == (2, True)
    assert (orders.read_text(), run.read_bytes()) == (GOOD, before)
    assert smm("bulk", "check", run, *at_box).code == 2
    assert smm("bulk", "show", orders).code == 2


def test_a_foreign_database_is_no_run(smm: Smm, tmp_path: Path) -> None:
    """Nor is a file that is missing."""
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE t (x)")
    db.close()
    for command in (("show",), ("resume",), ("follow",), ("doubt",), ("export",)):
        assert "not a run's journal" in smm("bulk", *command, path).err
        ran = smm("bulk", *command, tmp_path / "none.db")
        assert (ran.code, "there is no run at" in ran.err) == (2, True)
    assert "there is no run" in smm("bulk", "resolve", tmp_path / "none.db", "x", "--not-placed").err


@pytest.fixture
def held(run: Path) -> Iterator[Path]:
    """The run while another process works on it."""
    code = (
        "import asyncio, sys; from smmclient.bulk import SqliteJournal\n"
        "async def main():\n"
        "    async with await SqliteJournal.open(sys.argv[1]):\n"
        "        print('ready', flush=True); await asyncio.to_thread(sys.stdin.read)\n"
        "asyncio.run(main())"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(run)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        yield run
        other.communicate("")


def test_a_run_that_another_process_has_can_be_looked_at_only(
    smm: Smm, held: Path, at_box: Sequence[str], tmp_path: Path
) -> None:
    """Looking and exporting work; what would write is told to wait."""
    for call in (("resume", held), ("follow", held), ("doubt", held), ("resolve", held, "x", "--not-placed")):
        ran = smm("bulk", *call)
        assert (ran.code, "another process is working on" in ran.err) == (4, True)
        assert "`smm bulk show`" in ran.err
    assert smm("bulk", "place", tmp_path / "good.csv", "--run", held, *at_box).code == 4
    assert smm("bulk", "show", held).code == 0
    assert smm("bulk", "doubt", held, "--offline").code == 0
    assert smm("bulk", "export", held).code == 0


def test_a_run_takes_no_other_file_and_no_other_key(
    smm: Smm, box: Sandbox, run: Path, at_box: Sequence[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another key may be another account, where the same orders would be new."""
    other = tmp_path / "other.csv"
    other.write_text("service,link,quantity\n1,https://e.example/other,100\n")
    ran = smm("bulk", "place", other, "--run", run, *at_box)
    assert (ran.code, "--add" in ran.err) == (2, True)
    monkeypatch.setenv("NOTPANEL_API_KEY", box.issue_key())
    for call in (("place", tmp_path / "good.csv", "--run", run, *at_box), ("follow", run)):
        ran = smm("bulk", *call)
        assert (ran.code, "--same-account" in ran.err) == (2, True)
    assert box.count("status") == 0
    assert smm("bulk", "follow", run, "--same-account").code == 0
    assert len(box.orders) == 1


@pytest.mark.parametrize(
    "options",
    [
        ("--max-spend", "-1"),
        ("--max-spend", "1e3"),
        ("--max-order", "NaN"),
        ("--reserve", "1_000"),
        ("--connections", "0"),
        ("--connections", "1.5"),
        ("--patience", "0"),
        ("--every", "0"),
        ("--repeat-within", "x"),
    ],
)
def test_numbers_are_read_to_the_letter(
    smm: Smm, box: Sandbox, at_box: Sequence[str], tmp_path: Path, options: Sequence[str]
) -> None:
    """A slip of the finger in an option spends nothing."""
    orders = tmp_path / "o.csv"
    orders.write_text(GOOD)
    ran = smm("bulk", "place", orders, "--run", tmp_path / "run.db", *at_box, *options)
    assert (ran.code, options[0] in ran.err) == (2, True)
    assert box.orders == ()


@pytest.mark.parametrize("decision", [(), ("--placed", "ord_1", "--not-placed")])
def test_a_decision_is_one_of_two(smm: Smm, run: Path, decision: Sequence[str]) -> None:
    """Neither none nor both."""
    ran = smm("bulk", "resolve", run, "x", *decision)
    assert (ran.code, "either --placed ORDER_ID or --not-placed" in ran.err) == (2, True)


def test_a_wrong_option_names_the_commands_own_help(smm: Smm) -> None:
    """Not that of the whole group."""
    assert "`smm bulk place --help`" in smm("bulk", "place", "--nonsense").err
