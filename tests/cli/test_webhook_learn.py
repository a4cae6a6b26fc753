"""``smm webhook learn``: from a recorded delivery and the secret to the scheme."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deliveries import payload, signed
from smmclient.webhooks import KNOWN_SCHEMES, load_scheme

Smm = Callable[..., Any]
SECRET = "whs-4f1c9a77e0d25b83-of-the-test"
OF_NOTPANEL = ("--panel", "notpanel")


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch, profiles: Path) -> None:
    """The secret is in the environment."""
    monkeypatch.setenv("NOTPANEL_WEBHOOK_SECRET", SECRET)


def line(body: bytes, headers: list[tuple[str, str]]) -> str:
    """A delivery as `listen --record` writes it."""
    return json.dumps({"at": 1.0, "path": "/", "headers": headers, "body": body.decode()}) + "\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A recording: one good delivery between others that anybody could have sent, and one that a crash has torn."""
    path = tmp_path / "d.jsonl"
    good, forged = payload(status="a"), payload(event="balance.low", event_id=None, data={"balance": "4.20"})
    path.write_text(
        line(forged, signed(forged, secret="other")) + line(good, signed(good, secret=SECRET)) + line(b"x", []) + '{"at'
    )
    return path


def test_it_shows_what_fits_and_what_is_read(smm: Smm, file: Path) -> None:
    """The headers, the signed string, each field of the payload that is read, and those that are not."""
    ran = smm("webhook", "learn", file, *OF_NOTPANEL)
    told = {row[0]: row[1] for row in ran.rows if len(row) == 2}
    assert ran.code == 0
    assert told["scheme"] == "our defaults"
    assert (told["signature_header"], told["signed"]) == ("x-webhook-signature", "{timestamp}.{body}")
    assert (told["order"], told["charge"], told["balance"]) == ("data.order", "data.charge", "-")
    assert "not read: status" in ran.out.splitlines()
    assert "it verifies 1 of 3 recorded deliveries" in ran.out
    assert "order.completed  ord_7  completed  0.50 USD" in ran.out
    assert SECRET not in ran.out + ran.err
    assert "--save scheme.toml" in ran.err


def test_what_is_saved_is_what_listen_takes(smm: Smm, file: Path, tmp_path: Path) -> None:
    """And a file that is there is not written over, unless that is said."""
    save = tmp_path / "scheme.toml"
    ran = smm("webhook", "learn", file, *OF_NOTPANEL, "--save", save, "--json")
    assert (ran.code, ran.json["known_as"], ran.json["verified"], ran.json["deliveries"]) == (0, "ours", 1, 3)
    assert ran.json["reads"]["order"] == "data.order"
    assert ran.json["saved"] == str(save)
    assert load_scheme(save) == KNOWN_SCHEMES["ours"]
    assert SECRET not in save.read_text()
    save.write_text("# mine\n")
    ran = smm("webhook", "learn", file, *OF_NOTPANEL, "--save", save)
    assert ran.code == 2
    assert save.read_text() == "# mine\n"
    assert smm("webhook", "learn", file, *OF_NOTPANEL, "--save", save, "--force").code == 0
    assert load_scheme(save) == KNOWN_SCHEMES["ours"]


def test_one_request_as_text_is_a_recording_too(smm: Smm, tmp_path: Path) -> None:
    """As a proxy or a request bin shows it."""
    body = payload()
    headers = "".join(f"{name}: {value}\r\n" for name, value in signed(body, secret=SECRET))
    path = tmp_path / "delivery.http"
    path.write_bytes(f"POST /hook HTTP/1.1\r\nHost: e.example\r\n{headers}\r\n".encode() + body + b"\n")
    ran = smm("webhook", "learn", path, *OF_NOTPANEL)
    assert ran.code == 0
    assert "line end at the body's end" in ran.out
    one = tmp_path / "one.json"
    one.write_text(json.dumps({"headers": dict(signed(body, secret=SECRET)), "body": body.decode()}, indent=2))
    assert smm("webhook", "learn", one, *OF_NOTPANEL).code == 0


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_where_none_fits_it_says_what_to_try(
    smm: Smm, file: Path, monkeypatch: pytest.MonkeyPatch, form: tuple[str, ...]
) -> None:
    """The secret of that very webhook, the bytes as they came, and the panel's documents."""
    monkeypatch.setenv("NOTPANEL_WEBHOOK_SECRET", f"{SECRET}-of-another")
    ran = smm("webhook", "learn", file, *OF_NOTPANEL, *form)
    told = f"{ran.json['error']['message']} {ran.json['error']['hint']}" if form else ran.err
    assert ran.code == 2
    assert "no scheme fits any of 3 deliveries" in told
    assert "the secret may be another webhook's" in told
    assert "--record FILE" in told
    assert "docs/webhooks.md" in told
    assert SECRET not in ran.out + ran.err


def test_any_of_several_secrets_may_fit(smm: Smm, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is while one is changed."""
    monkeypatch.setenv("NOTPANEL_WEBHOOK_SECRET", f"another,{SECRET}")
    assert smm("webhook", "learn", file, *OF_NOTPANEL).code == 0


def test_a_hostile_recording_cannot_touch_the_terminal(smm: Smm, tmp_path: Path) -> None:
    """Names and values of a payload are somebody's text, even where it is signed."""
    body = payload(event_id="\u202eevt", **{"a\x1b[2J\tb": "1"})
    path = tmp_path / "d.jsonl"
    path.write_text(line(body, [*signed(body, secret=SECRET), ("x-\x1b[2J", "\x07")]))
    ran = smm("webhook", "learn", path, *OF_NOTPANEL)
    assert ran.code == 0
    assert not {"\x1b", "\x07", "\u202e"} & set(ran.out + ran.err)
    assert "not read: a b" in ran.out.splitlines()


def test_what_is_no_recording_is_said(smm: Smm, tmp_path: Path) -> None:
    """A file that is missing, empty, or something else."""
    path = tmp_path / "d.jsonl"
    assert "cannot be read: No such file" in smm("webhook", "learn", path, *OF_NOTPANEL).err
    path.touch()
    assert "holds no delivery yet" in smm("webhook", "learn", path, *OF_NOTPANEL).err
    path.write_bytes(b"\x00\xff whatever")
    ran = smm("webhook", "learn", path, *OF_NOTPANEL)
    assert ran.code == 2
    assert "no blank line between headers and body" in ran.err


def test_a_missing_secret_is_said(smm: Smm, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody can be asked for it, the variable is named."""
    monkeypatch.delenv("NOTPANEL_WEBHOOK_SECRET")
    ran = smm("webhook", "learn", file, *OF_NOTPANEL)
    assert ran.code == 2
    assert "NOTPANEL_WEBHOOK_SECRET" in ran.err


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such terminals")
def test_on_a_terminal_the_secret_is_asked_for_and_not_shown(
    file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No panel needs to be named for it."""
    monkeypatch.delenv("NOTPANEL_WEBHOOK_SECRET")
    code_of_terminal = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"
    command = [sys.executable, "-m", "smmclient.cli", "webhook", "learn", str(file)]
    with subprocess.Popen(
        [sys.executable, "-c", code_of_terminal, *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
        env={**os.environ, "TERM": "xterm"},
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        shown = b""
        while b"not shown): " not in shown and (more := process.stdout.read(4096)):
            shown += more
        process.stdin.write(f"{SECRET}\n".encode())
        while more := process.stdout.read(4096):
            shown += more
        assert process.wait(30) == 0
    assert b"our defaults" in shown
    assert SECRET.encode() not in shown
