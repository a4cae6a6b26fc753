"""``smm webhook add``, ``list`` and ``remove``: the secret is shown once, and nowhere else."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from loopback import Behaviour, Loopback, http
from smmclient.cli.profiles import Account, secret_name, webhook_secrets
from smmclient.sandbox import Sandbox

Smm = Callable[..., Any]
Start = Callable[[Behaviour], Loopback]
URL = "http://127.0.0.1:9/hook"
SECRET = "whsec_9f8e7d6c5b4a39281706f5e4d3c2b1a0"


@pytest.fixture
def answering(loopback: Start, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[str, ...]]:
    """The options that lead to a NotPanel which answers that."""
    monkeypatch.setenv("NOTPANEL_API_KEY", "key-of-the-test-0123456789")

    def answering(body: object, status: int = 200) -> tuple[str, ...]:
        panel = loopback(lambda panel, form: http(status, body))
        return ("--panel", "notpanel", "--base-url", panel.url)

    return answering


# -------------------------------------------------------------------------------------------------------------- add


def test_add_shows_the_secret_once(smm: Smm, at_box: Sequence[str]) -> None:
    """It is on stdout; stderr says to keep it, and where, and does not repeat it."""
    ran = smm("webhook", "add", URL, *at_box)
    told = dict(ran.rows)
    assert ran.code == 0
    assert told["url"] == URL
    assert told["id"].startswith("wh_")
    assert "order.completed" in told["events"].split(",")
    assert ran.out.count(told["secret"]) == 1
    assert len(told["secret"]) > 30
    assert told["secret"] not in ran.err
    assert "keep the secret now: it is shown once" in ran.err
    assert "NOTPANEL_WEBHOOK_SECRET" in ran.err


def test_add_asks_for_the_events_that_are_named(smm: Smm, at_box: Sequence[str]) -> None:
    """They are separated by commas; under --json the secret is a field."""
    ran = smm("webhook", "add", URL, "--events", "order.completed, balance.low", *at_box, "--json")
    assert ran.json["events"] == ["order.completed", "balance.low"]
    assert ran.json["secret"] not in ran.err
    assert set(ran.json) == {"id", "url", "events", "secret"}


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_reply_without_a_secret_is_shown_whole(
    smm: Smm, answering: Callable[..., tuple[str, ...]], form: tuple[str, ...]
) -> None:
    """It comes once: what we cannot read in it must not be lost, and cannot act on the terminal."""
    reply = {"id": "wh_1", "signing": {"hmac": f"\x1b[2J{SECRET}"}}
    ran = smm("webhook", "add", URL, *answering(reply), *form)
    assert ran.code == 0
    shown = ran.json["reply"] if form else json.loads(dict(ran.rows)["reply"])
    assert shown == reply
    assert "\x1b" not in ran.out + ran.err
    assert "no secret was found in the reply" in ran.err
    assert SECRET not in ran.err


def test_a_secret_of_odd_characters_is_shown_to_the_letter(smm: Smm, answering: Callable[..., tuple[str, ...]]) -> None:
    """As JSON, because a terminal could show another."""
    secret = "whs\x1b[31m\u202eé-0123456789-0123456789"
    ran = smm("webhook", "add", URL, *answering({"id": "wh_1", "secret": secret}))
    assert json.loads(dict(ran.rows)["secret"]) == secret
    assert ran.out.isascii()
    assert "\x1b" not in ran.out + ran.err


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_an_unknown_outcome_says_how_to_settle_it(
    smm: Smm, answering: Callable[..., tuple[str, ...]], form: tuple[str, ...]
) -> None:
    """Look at the list, remove, add again: nobody saw the secret."""
    ran = smm("webhook", "add", URL, *answering("<html>Bad gateway</html>", 502), *form)
    assert ran.code == 5
    told = ran.json["error"]["hint"] if form else ran.err
    assert "`smm webhook list`" in told
    assert "`smm webhook remove ID`" in told
    assert "add it again" in told


def test_a_secret_that_cannot_be_written_is_not_lost_in_silence(
    at_box: Sequence[str], tmp_path: Path, box: Sandbox
) -> None:
    """Nobody reads stdout: stderr says to remove it and add it again."""
    arguments = ["webhook", "add", URL, *at_box]
    code = (
        "import os, sys; r, w = os.pipe(); os.close(r); os.dup2(w, 1); "
        f"from smmclient.cli import main; sys.exit(main({arguments!r}))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 141
    assert "its secret could not be written: remove it, and add it again" in ran.stderr
    assert box.count("webhook.add") == 1


@pytest.mark.parametrize(
    ("url", "told"),
    [("http://hooks.example.com/", "https"), ("https://10.0.0.1/", "public host"), ("nonsense", "absolute https URL")],
)
def test_an_address_that_no_panel_takes_costs_no_call(
    smm: Smm, box: Sandbox, at_box: Sequence[str], url: str, told: str
) -> None:
    """It is said before anything is sent."""
    ran = smm("webhook", "add", url, *at_box)
    assert (ran.code, box.requests) == (2, ())
    assert told in ran.err


def test_a_panel_without_webhooks_says_so(smm: Smm, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent."""
    monkeypatch.setenv("PANELBON_API_KEY", "k-0123456789")
    ran = smm("webhook", "add", "https://hooks.example.com/", "--panel", "panelbon")
    assert ran.code == 2
    assert "webhooks" in ran.err


# --------------------------------------------------------------------------------------------------- list and remove


def test_list_shows_no_secret(smm: Smm, answering: Callable[..., tuple[str, ...]]) -> None:
    """Even where the panel does; and what the panel wrote cannot act on the terminal."""
    rows = [{"id": "wh_1", "url": f"{URL}\x1b[2J", "events": ["order.\x07completed"], "secret": SECRET}]
    at = answering(rows)
    ran = smm("webhook", "list", *at)
    assert ran.code == 0
    assert ran.rows == [["id", "url", "events"], ["wh_1", URL, "order.completed"]]
    assert SECRET not in ran.out + ran.err
    assert SECRET not in smm("webhook", "list", *at, "--json").out


def test_what_was_added_is_listed_until_it_is_removed(smm: Smm, at_box: Sequence[str]) -> None:
    """By the id that both show."""
    added = smm("webhook", "add", URL, *at_box, "--json").json
    (listed,) = smm("webhook", "list", *at_box, "--json").json
    assert listed == {"id": added["id"], "url": URL, "events": added["events"]}
    assert smm("webhook", "remove", added["id"], *at_box).out == f"{added['id']} is removed\n"
    ran = smm("webhook", "list", *at_box)
    assert (ran.code, ran.out) == (0, "")
    assert "no webhooks" in ran.err
    assert smm("webhook", "remove", added["id"], *at_box).code == 3


def test_names_that_no_panel_documents_are_options(smm: Smm, loopback: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """The actions, and the field that points at a webhook."""
    monkeypatch.setenv("NOTPANEL_API_KEY", "key-of-the-test-0123456789")
    panel = loopback(lambda panel, form: http(200, [] if form["action"] == "hooks.all" else {"success": True}))
    at = ("--panel", "notpanel", "--base-url", panel.url)
    assert smm("webhook", "list", "--action", "hooks.all", *at).code == 0
    assert smm("webhook", "remove", URL, "--action", "hooks.drop", "--field", "url", *at, "--json").json == {
        "webhook": URL,
        "removed": True,
    }
    sent = [{name: form[name] for name in form if name != "key"} for form in panel.forms]
    assert sent == [{"action": "hooks.all"}, {"action": "hooks.drop", "url": URL}]


@pytest.mark.parametrize("command", [("list",), ("remove", "wh_1")])
def test_a_refused_action_may_have_another_name(
    smm: Smm, answering: Callable[..., tuple[str, ...]], command: tuple[str, ...]
) -> None:
    """The hint says that the name is ours, and how to give another."""
    ran = smm("webhook", *command, *answering({"error": "Incorrect request"}))
    assert ran.code == 3
    assert "not documented" in ran.err
    assert "--action" in ran.err


def test_a_removal_in_doubt_says_how_to_settle_it(smm: Smm, answering: Callable[..., tuple[str, ...]]) -> None:
    """Look at the list, and remove again."""
    ran = smm("webhook", "remove", "wh_1", *answering("<html>Bad gateway</html>", 502))
    assert ran.code == 5
    assert "`smm webhook list`" in ran.err


# ------------------------------------------------------------------------------------------------ where secrets are


def test_a_secret_as_an_argument_is_refused_and_not_repeated(smm: Smm) -> None:
    """The error names the variable that it belongs into."""
    for option in ("--secret", "--webhook-secret"):
        ran = smm("webhook", "listen", option, SECRET)
        assert ran.code == 2
        assert SECRET not in ran.out + ran.err
        assert "NOTPANEL_WEBHOOK_SECRET" in ran.err


def test_secrets_come_from_the_environment_or_a_profile(profiles: Path) -> None:
    """Several are separated by commas; a profile's own go first, and none is shown by its repr."""
    profiles.write_text(
        f'[notpanel]\npanel = "notpanel"\nwebhook_secret = "{SECRET}"\n[two]\npanel = "notpanel"\n', encoding="utf-8"
    )
    profiles.chmod(0o600)
    named, bare = {"SMM_PROFILES": str(profiles)}, Account("notpanel")
    variable = named | {secret_name("notpanel"): " new , old,"}
    assert secret_name("my-panel") == "MY_PANEL_WEBHOOK_SECRET"
    assert webhook_secrets(variable, bare) == ("new", "old")
    assert webhook_secrets(named, bare) == (SECRET,)
    assert webhook_secrets(variable, Account("notpanel", webhook_secret="own")) == ("own",)
    assert webhook_secrets(named, Account("v2")) == ()
    assert SECRET not in repr(Account("notpanel", webhook_secret=SECRET))


def test_help_imports_nothing_of_webhooks() -> None:
    """What receives, signs and learns is imported when a command needs it."""
    heavy = ("smmclient.webhooks.asgi", "smmclient.webhooks.scheme", "smmclient.cli.webhook.listening", "uvicorn")
    code = f"import sys, smmclient.cli.run; print([name for name in {heavy} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
