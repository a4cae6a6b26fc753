"""``smm services``: what can be ordered and what cannot, for people, pipes and programs."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from smmclient.cli import main
from smmclient.sandbox import Limits, Sandbox, serve

Smm = Callable[..., Any]


@pytest.fixture
def messy(smm: Smm, profiles: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A panel named cheap with an old catalog, whose packages are priced by the piece."""
    with serve("v2", flavour="php", limits=Limits()) as box:
        monkeypatch.setenv("CHEAP_API_KEY", box.api_key)
        assert smm("panels", "add", "cheap", "--base-url", box.base_url, "--set", "package_rate_per=1").code == 0
        yield box


def on_a_terminal(monkeypatch: pytest.MonkeyPatch, *arguments: str, is_plain: bool = False) -> list[str]:
    """The lines that a wide terminal shows; a plain one has 80 columns and no bold letters."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setenv("COLUMNS", "80" if is_plain else "200")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb" if is_plain else "xterm")
    with monkeypatch.context() as patched:
        patched.setattr("sys.stdout", screen)
        assert main(list(arguments)) == 0
    return screen.getvalue().splitlines()


def test_rows_that_cannot_be_ordered_are_named(smm: Smm, messy: Sandbox) -> None:
    """Row, id, field and reason, on stderr, where the whole catalog is shown."""
    ran = smm("services", "--panel", "cheap")
    assert ran.code == 0
    assert "smm: 3 rows of the catalog could not be read or ordered:" in ran.err
    assert "row 60, service 907: rate: 116011238807365 is no price: the service is not for sale" in ran.err
    assert "row 62, service 909: max: 100 is below min 5000" in ran.err
    assert "907" not in [row[0] for row in ran.rows]


def test_with_words_only_the_rows_that_hold_them_are_named(smm: Smm, messy: Sandbox) -> None:
    """The others are counted: none goes without a trace."""
    ran = smm("services", "facebook", "--panel", "cheap")
    assert "smm: 3 rows of the catalog without these words could not be read or ordered; --json lists all" in ran.err
    ran = smm("services", "youtube", "closed", "--panel", "cheap")
    assert ran.rows[1:] == []
    assert "smm: nothing found" in ran.err
    assert "smm: 1 row of the catalog could not be read or ordered:\n  row 62, service 909" in ran.err
    assert "smm: 2 rows of the catalog without these words" in ran.err


def test_many_rows_that_cannot_be_ordered_are_cut_short(
    smm: Smm, loopback: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten are named, the rest is counted, and JSON has all."""
    rows = b",".join(b'{"service": %d, "name": "N"}' % n for n in range(15))
    head = b"HTTP/1.1 200 X\r\nconnection: close\r\n\r\n"
    panel = loopback(lambda panel, form: head + b"[" + rows + b', "row"]')
    monkeypatch.setenv("V2_API_KEY", "k-1")
    at = ("--panel", "v2", "--base-url", panel.url)
    ran = smm("services", *at)
    assert ran.code == 0
    assert "smm: the catalog has no service that can be ordered" in ran.err
    assert "smm: 16 rows of the catalog could not be read or ordered:" in ran.err
    assert ran.err.count("  row ") == 10
    assert "and 6 more; --json lists all" in ran.err
    assert len(smm("services", *at, "--json").json["problems"]) == 16


def test_nothing_found_is_said(smm: Smm, at_box: tuple[str, ...]) -> None:
    """It is no error, and not silence; programs see an empty list."""
    ran = smm("services", "zzzz", *at_box)
    assert (ran.code, ran.err) == (0, "smm: nothing found\n")
    ran = smm("services", "zzzz", *at_box, "--json")
    assert (ran.json["services"], ran.err) == ([], "")


def test_a_package_is_priced_by_the_package(smm: Smm, messy: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `smm compare` has it; and where nobody documents what one costs, no price is made up."""
    (row,) = smm("services", "tiktok", "starter", "--panel", "cheap").rows[1:]
    assert row[-2:] == ["31250.00000", "package"]
    assert "31250.00000 per package" in "".join(on_a_terminal(monkeypatch, "services", "starter", "--panel", "cheap"))
    monkeypatch.setenv("V2_API_KEY", messy.api_key)
    at = ("--panel", "v2", "--base-url", messy.base_url)
    (row,) = smm("services", "tiktok", "starter", *at).rows[1:]
    assert row[-2:] == ["", "package"]
    assert "rate 31250.00000" in "".join(on_a_terminal(monkeypatch, "services", "starter", *at))


def test_names_are_shown_without_entities_and_not_endlessly(
    smm: Smm, messy: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A terminal gets 80 characters of a name; a pipe gets all of it, and JSON what the panel sent."""
    name = {row[0]: row[1] for row in smm("services", "--panel", "cheap").rows}
    assert name["902"] == "<br>Telegram Views & Reactions"
    assert len(name["905"]) > 300
    sent = {one["id"]: one["name"] for one in smm("services", "--panel", "cheap", "--json").json["services"]}
    assert sent["902"] == "&lt;br&gt;Telegram Views &amp; Reactions"
    lines = on_a_terminal(monkeypatch, "services", "followers", "quality", "--panel", "cheap")
    (line,) = [one for one in lines if one.lstrip().startswith("905")]
    assert "High Quality…" in line
    assert len(line) < 160


def test_an_entity_cannot_touch_the_terminal(
    smm: Smm, loopback: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it stands for is made harmless after it was decoded."""
    row = b'[{"service":1,"name":"a&#155;31m&#27;[2Jb&#x202e;","type":"Default","rate":"1","min":1,"max":9}]'
    panel = loopback(lambda panel, form: b"HTTP/1.1 200 X\r\nconnection: close\r\n\r\n" + row)
    monkeypatch.setenv("V2_API_KEY", "k-1")
    at = ("--panel", "v2", "--base-url", panel.url)
    shown = smm("services", *at).out + "".join(on_a_terminal(monkeypatch, "services", *at, is_plain=True))
    assert not {"\x1b", "\x9b", "\u202e"} & set(shown)


def test_flags_share_a_column_on_a_terminal(smm: Smm, messy: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the panel says it can, with ? where it does not say; pipes have a column for each."""
    narrow = on_a_terminal(monkeypatch, "services", "instagram", "--panel", "cheap", is_plain=True)
    assert all(cell_len(line) <= 80 for line in narrow)
    lines = on_a_terminal(monkeypatch, "services", "instagram", "--panel", "cheap")
    text = {line.split()[0]: line for line in lines if line.split()}
    assert text["1"].rstrip().endswith("refill cancel dripfeed")
    assert text["4"].rstrip().endswith("cancel? dripfeed?")
    assert "refill" not in text["4"]
    rows = {row[0]: row[7:10] for row in smm("services", "instagram", "--panel", "cheap").rows}
    assert (rows["1"], rows["4"]) == (["yes", "yes", "yes"], ["no", "", ""])
