"""What is written where: tables, tab-separated lines and JSON, and nothing that a panel could act with."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from smmclient.catalog import Catalog, Service
from smmclient.cli.output import Out
from smmclient.cli.plain import clean, money, to_json
from smmclient.sandbox import Sandbox


class Terminal(io.StringIO):
    """A stdout that says that a person looks at it."""

    def isatty(self) -> bool:
        """Yes."""
        return True


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("Likes", "Likes"),
        ("\x1b[2J\x1b[31mred\x1b[0m", "red"),
        ("\x9b31mred", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;https://evil.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bP1$tx\x1b\\after", "after"),
        ("a\r\nb\tc", "a  b c"),
        ("bell\x07 back\x08", "bell back"),
        ("\u202egnp.exe", "gnp.exe"),
        ("broken \ud83d", "broken \ufffd"),
        ("[bold]not markup[/bold]", "[bold]not markup[/bold]"),
        ("💬 👨\u200d👩 ok", "💬 👨\u200d👩 ok"),
    ],
)
def test_text_of_a_panel_is_made_harmless(sent: str, shown: str) -> None:
    """Escape sequences, control characters and direction marks are gone, the rest stays as it is."""
    assert clean(sent) == shown


@pytest.mark.parametrize(
    ("amount", "text"),
    [(Decimal("1E-6"), "0.000001"), (Decimal("1E+3"), "1000"), (Decimal("0.50"), "0.50"), (None, "")],
)
def test_money_is_written_in_plain_digits(amount: Decimal | None, text: str) -> None:
    """No exponent, no float, no digit more or less than the panel said."""
    assert money(amount) == text


def test_json_is_plain_values_in_ascii() -> None:
    """Money is text, a catalog an object, the raw reply left out, and no character can act on a terminal."""
    service = Service("1", "\x1b[31m💬\x9b", "Default", None, Decimal("1E-6"), 1, 9, raw={"secret": 1})
    text = to_json(Catalog((service,)))
    assert text.isascii()
    assert "\x1b" not in text
    catalog = json.loads(text)
    assert catalog["services"][0]["rate"] == "0.000001"
    assert catalog["services"][0]["name"] == "\x1b[31m💬\x9b"
    assert "raw" not in catalog["services"][0]
    assert catalog["problems"] == []


def test_a_hostile_catalog_cannot_touch_the_terminal(
    smm: Callable[..., Any], loopback: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names with escape sequences, markup, tabs and line ends come out as one harmless cell."""
    row = {"service": 1, "name": "\x1b]0;x\x07[red]Likes\t\x1b[2Jnow\r\n", "type": "Default", "rate": "1", "min": 1}
    body = json.dumps([row | {"max": 9, "category": "\x1b[5mA"}]).encode()
    head = f"HTTP/1.1 200 X\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n".encode()
    panel = loopback(lambda panel, form: head + body)
    monkeypatch.setenv("V2_API_KEY", "k-1")
    ran = smm("services", "--panel", "v2", "--base-url", panel.url)
    assert ran.code == 0
    assert "\x1b" not in ran.out + ran.err
    assert ran.rows[1][:4] == ["1", "[red]Likes now", "Default", "A"]


def test_a_hostile_refusal_cannot_touch_the_terminal(
    smm: Callable[..., Any], loopback: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The panel's words in an error are made harmless as well."""
    body = json.dumps({"error": "\x1b[2J[bold]no\x07"}).encode()
    head = f"HTTP/1.1 200 X\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n".encode()
    panel = loopback(lambda panel, form: head + body)
    monkeypatch.setenv("V2_API_KEY", "k-1")
    ran = smm("balance", "--panel", "v2", "--base-url", panel.url)
    assert ran.code == 3
    assert "[bold]no" in ran.err
    assert not {"\x1b", "\x07"} & set(ran.err)


def test_a_pipe_gets_tab_separated_lines(smm: Callable[..., Any], at_box: tuple[str, ...]) -> None:
    """No boxes, no colour, a heading, a line for each service, and every column."""
    ran = smm("services", "tiktok", "likes", *at_box)
    flags = ["refill", "cancel", "dripfeed"]
    assert ran.rows[0] == ["id", "name", "type", "category", "rate", "min", "max", *flags, "price", "per"]
    told = ["14", "TikTok Likes", "Default", "TikTok", "0.27", "10", "100000", "no", "yes", "yes", "0.27", "1000"]
    assert ran.rows[1] == told


def test_a_terminal_gets_a_table_of_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Long names are folded, not cut, markup in them is text, and what has no room is left out."""
    monkeypatch.setenv("COLUMNS", "80")
    screen = Terminal()
    Out(stdout=screen).table(("id", "name", "type"), [("1", "[red]x " * 30, "Default")], only_piped=("type",))
    lines = [clean(line) for line in screen.getvalue().splitlines()]
    assert all(len(line) <= 80 for line in lines)
    assert "".join(lines).count("[red]x") == 30
    assert "Default" not in screen.getvalue()


def test_json_of_many_ids_has_a_value_for_each(smm: Callable[..., Any], box: Sandbox, at_box: tuple[str, ...]) -> None:
    """Results and errors stand side by side under their ids, in the order asked for."""
    placed = smm("order", "--service", 1, "--link", "https://e.example/p", "--quantity", 100, *at_box, "--json").json
    ran = smm("status", "ord_none", placed["order"], *at_box, "--json")
    assert ran.code == 3
    assert list(ran.json) == ["ord_none", placed["order"]]
    assert ran.json["ord_none"]["error"]["type"] == "UnknownOrder"
    assert ran.json[placed["order"]]["state"] == "completed"
    assert ran.json[placed["order"]]["charge"] == "0.09"


def test_every_id_has_its_row(smm: Callable[..., Any], at_box: tuple[str, ...]) -> None:
    """A refused cancel is a row with its reason, beside the accepted ones."""
    ran = smm("cancel", "ord_a", "ord_b", *at_box)
    assert ran.code == 3
    assert ran.rows == [
        ["order", "cancel", "error"],
        ["ord_a", "", "UnknownOrder: Incorrect order ID"],
        ["ord_b", "", "UnknownOrder: Incorrect order ID"],
    ]


def test_refill_and_its_status_go_together(smm: Callable[..., Any], at_box: tuple[str, ...]) -> None:
    """The id that a refill shows is the one that refill-status takes."""
    link = ("--link", "https://e.example/p", "--quantity", 100)
    order = smm("order", "--service", 1, *link, *at_box, "--json").json["order"]
    refill = smm("refill", order, *at_box, "--json").json[order]["refill"]
    assert smm("refill-status", refill, *at_box).rows[1][:2] == [refill, "completed"]


def test_errors_are_json_on_stdout_when_asked_for(smm: Callable[..., Any], at_box: tuple[str, ...]) -> None:
    """A program reads one stream, whatever happened."""
    ran = smm("status", "--json", *at_box)
    assert (ran.code, ran.err) == (2, "")
    assert ran.json["error"] == {
        "type": "UsageError",
        "message": "no id is given",
        "exit_code": 2,
        "retryable": False,
        "hint": "nothing was sent; name at least one id",
    }


def test_tracking_ends_when_all_are_final(smm: Callable[..., Any], at_box: tuple[str, ...]) -> None:
    """A program gets a line of JSON for each change."""
    link = ("--link", "https://e.example/p", "--quantity", 100)
    order = smm("order", "--service", 1, *link, *at_box, "--json").json["order"]
    ran = smm("track", order, *at_box, "--json")
    assert ran.code == 0
    assert [json.loads(line)["state"] for line in ran.out.splitlines()] == ["completed"]
    assert smm("track", order, *at_box).rows[1][:3] == [order, "completed", "0.09"]


def test_the_balance_says_how_old_it_may_be(smm: Callable[..., Any], at_box: tuple[str, ...]) -> None:
    """The figure comes from the panel's cache, and that is said."""
    assert smm("balance", *at_box).rows == [["balance", "100.00"], ["currency", "USD"], ["figure", "up to 30 s old"]]
