"""The exit code tells which family of error it was, and the text what to do now."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from smmclient.cli.outcome import exit_code, worst
from smmclient.errors import (
    BadSignature,
    InvalidOrder,
    JournalLocked,
    JournalMismatch,
    Malformed,
    OutcomeUnknown,
    RateLimited,
    SMMError,
    UnknownOrder,
)
from smmclient.sandbox import Fault, Sandbox

ORDER = ("order", "--service", 1, "--link", "https://e.example/p", "--quantity", 100)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InvalidOrder("x"), 2),
        (UnknownOrder("x"), 3),
        (RateLimited("x"), 4),
        (Malformed("x"), 4),
        (OutcomeUnknown("x"), 5),
        (JournalLocked("x"), 4),
        (JournalMismatch("x"), 2),
        (BadSignature("x"), 1),
    ],
)
def test_each_family_has_its_code(error: SMMError, code: int) -> None:
    """A script can tell a refusal from a doubt without reading a word."""
    assert exit_code(error) == code


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([], 0),
        (["good", "good"], 0),
        (["good", UnknownOrder("x")], 3),
        ([UnknownOrder("x"), RateLimited("x"), "good"], 4),
        ([OutcomeUnknown("x"), RateLimited("x"), UnknownOrder("x")], 5),
    ],
)
def test_the_worst_row_decides(rows: list[object], code: int) -> None:
    """One doubtful row among a hundred good ones is not to be missed."""
    assert worst(rows) == code


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (ORDER, 0),
        (("order", "--service", 1, "--link", "https://e.example/p"), 2),
        (("order", "--service", 1, "--link", "https://e.example/p", "--quantity", "1000.6"), 2),
        (("order", "--service", 1, "--link", "https://e.example/p", "--quantity", "1_000"), 2),
        (("order", "--service", 404, "--link", "https://e.example/p", "--quantity", 100), 3),
        (("status", "ord_nobody_knows"), 3),
        (("status",), 2),
        (("nonsense",), 2),
        (("balance", "--nonsense"), 2),
    ],
)
def test_a_call_ends_with_the_code_of_its_outcome(
    smm: Callable[..., Any], at_box: tuple[str, ...], arguments: tuple[object, ...], code: int
) -> None:
    """What the panel did, or that the call never left, shows in the exit code."""
    assert smm(*arguments, *at_box).code == code


def test_an_error_is_one_line_of_what_and_one_of_what_now(smm: Callable[..., Any], at_box: tuple[str, ...]) -> None:
    """Errors for people are short, on stderr, and end in advice."""
    ran = smm("order", "--service", 404, "--link", "https://e.example/p", "--quantity", 100, *at_box)
    assert ran.out == ""
    assert ran.err.splitlines() == [
        "smm: notpanel add: Incorrect service ID",
        "  -> the panel does not sell that service, or not now: `smm services` lists what it sells",
    ]


def test_an_unreachable_panel_is_4(smm: Callable[..., Any], closed_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was acted upon, so it may be tried later."""
    monkeypatch.setenv("V2_API_KEY", "k-1")
    ran = smm("order", *ORDER[1:], "--panel", "v2", "--base-url", f"http://127.0.0.1:{closed_port}/api/v2", "--json")
    assert (ran.code, ran.json["error"]["type"]) == (4, "Unreachable")


def test_an_unknown_order_is_settled_with_the_command_that_is_printed(
    smm: Callable[..., Any], box: Sandbox, at_box: tuple[str, ...]
) -> None:
    """With an idempotency key, the printed command finds the order that was made, and makes no second one."""
    box.fail("add", Fault.DROP_AFTER, times=4)
    doubtful = smm(*ORDER, *at_box)
    assert doubtful.code == 5
    command = doubtful.err.split("with: ")[1].split()
    assert command[:2] == ["smm", "order"]
    settled = smm(*command[1:], "--json")
    assert (settled.code, settled.json["order"]) == (0, box.orders[0].id)
    assert len(box.orders) == 1


def test_an_unknown_order_without_an_idempotency_key_is_to_be_looked_for(
    smm: Callable[..., Any], loopback: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it cannot be asked again, no command to repeat is printed."""
    panel = loopback(lambda panel, form: None)
    monkeypatch.setenv("V2_API_KEY", "k-1")
    ran = smm(*ORDER, "--panel", "v2", "--base-url", panel.url)
    assert ran.code == 5
    assert "do not send it again: look for it at the panel, or wait a minute and compare `smm balance`" in ran.err
    assert "smm order" not in ran.err
    assert len(panel.forms) == 1


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    ("panel_name", "advice"), [("v2", "do not send it again"), ("notpanel", "smm order --request-id=")]
)
def test_stopping_with_an_order_in_the_air_says_so(
    smm: Callable[..., Any],
    loopback: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    stop: signal.Signals,
    panel_name: str,
    advice: str,
) -> None:
    """Ctrl-C, or a kill, while the panel works on an order is an unknown outcome, with what to do about it."""

    def interrupt(panel: Any, form: dict[str, str]) -> None:
        os.kill(os.getpid(), stop)
        panel.hold(form)

    panel = loopback(interrupt)
    monkeypatch.setenv(f"{panel_name.upper()}_API_KEY", "k-1")
    ran = smm(*ORDER, "--panel", panel_name, "--base-url", panel.url)
    assert ran.code == 5
    assert "it may have been acted upon" in ran.err
    assert advice in ran.err
    assert panel.forms[0].get("request_id", "") in ran.err


def test_stopping_a_read_is_130(
    smm: Callable[..., Any], loopback: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing can have happened, Ctrl-C is one line and the usual code."""

    def interrupt(panel: Any, form: dict[str, str]) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        panel.hold(form)

    panel = loopback(interrupt)
    monkeypatch.setenv("V2_API_KEY", "k-1")
    ran = smm("balance", "--panel", "v2", "--base-url", panel.url)
    assert (ran.code, ran.out, ran.err) == (130, "", "smm: stopped\n")
