"""``smm webhook listen``: a line for each event that the panel signed, and one on stderr for what it did not."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from deliveries import payload, signed
from smmclient.sandbox import Sandbox, Signing, serve

Smm = Callable[..., Any]
Start = Callable[..., Any]
SECRET = "whs-4f1c9a77e0d25b83-of-the-test"
HEADINGS = ["time", "event", "order", "state", "amount", "currency", "remains", "id", "proof"]


@pytest.fixture
def port(closed_port: int) -> int:
    """The port that is listened on."""
    return closed_port


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch, profiles: Path) -> str:
    """A secret in the environment."""
    monkeypatch.setenv("NOTPANEL_WEBHOOK_SECRET", SECRET)
    return SECRET


def post(
    port: int, body: bytes, headers: Sequence[tuple[str, str]] = (), *, path: str = "/", method: str = "POST"
) -> int:
    """Send a delivery, and return the status of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, path, body, dict(headers))
        return connection.getresponse().status
    finally:
        connection.close()


def listening(start: Start, port: int, *options: object) -> Any:
    """The command, once it listens."""
    command = start("webhook", "listen", "--panel", "notpanel", "--port", port, *options)
    command.wait_for("listening for notpanel at")
    return command


def rows(command: Any) -> list[list[str]]:
    """The cells of stdout."""
    return [line.split("\t") for line in command.out]


# ---------------------------------------------------------------------------------------------------- what is signed


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_what_the_panel_pushes_is_a_line(
    smm: Smm,
    start: Start,
    box: Sandbox,
    at_box: Sequence[str],
    port: int,
    monkeypatch: pytest.MonkeyPatch,
    stop: signal.Signals,
) -> None:
    """An order's row, the balance; Ctrl-C ends it with 0, and no secret is in what it wrote."""
    hook = box.webhooks.register(f"http://127.0.0.1:{port}/")
    monkeypatch.setenv("NOTPANEL_WEBHOOK_SECRET", hook.secret)
    command = listening(start, port)
    placed = smm("order", "--service", 1, "--link", "https://e.example/p", "--quantity", 100, *at_box, "--json").json
    command.wait_for(placed["order"])
    box.set_balance("1.25")
    command.wait_for("balance.low")
    assert command.stop(stop) == 0
    headings, order, balance = rows(command)
    assert headings == HEADINGS
    assert order[1:7] == ["order.completed", placed["order"], "completed", "0.09", "USD", "0"]
    assert order[0].endswith(" UTC")
    assert order[8] == "verified"
    assert balance[1:6] == ["balance.low", "", "", "1.25", "USD"]
    assert "smm: stopped; 2 events, 0 refused" in command.err
    assert hook.secret not in "\n".join(command.out + command.err)
    assert "Traceback" not in "\n".join(command.err)


def test_under_json_each_event_is_one_line(start: Start, port: int, secret: str) -> None:
    """Money is text, what is not known is null, and the payload is there whole."""
    command = listening(start, port, "--json")
    body = payload(event="order.\N{SNOWMAN}", event_id="evt_9", extra="\x1b[2J")
    assert post(port, body, signed(body, time.time(), secret)) == 200
    body = payload()
    assert post(port, body, signed(body, time.time(), secret)) == 200
    assert command.stop() == 0
    other, order = (json.loads(line) for line in command.out)
    assert (other["event"], other["id"], other["state"]) == ("order.\N{SNOWMAN}", "evt_9", None)
    assert other["payload"]["extra"] == "\x1b[2J"
    assert "\x1b" not in "".join(command.out)
    assert order == {
        "event": "order.completed",
        "id": "evt_1",
        "sent_at": 1_700_000_000,
        "order": "ord_7",
        "state": "completed",
        "charge": "0.50",
        "start_count": 12,
        "remains": 0,
        "balance": None,
        "currency": "USD",
        "verified": True,
        "payload": json.loads(body),
    }


def test_a_repeat_is_answered_and_not_told_again(start: Start, port: int, secret: str) -> None:
    """Whatever the panel thinks was lost: each event is one line."""
    command = listening(start, port)
    body = payload()
    for at in (time.time(), time.time(), time.time() - 20):
        assert post(port, body, signed(body, at, secret)) == 200
    assert command.stop() == 0
    assert [row[2] for row in rows(command)[1:]] == ["ord_7"]


@pytest.mark.parametrize("is_kept", [True, False])
def test_after_a_restart_a_repeat_is_known_from_the_file_alone(
    start: Start, port: int, secret: str, tmp_path: Path, is_kept: bool
) -> None:
    """With --replays it is answered and not told again; without it is told anew, as the help says."""
    options = ("--replays", tmp_path / "seen.db") if is_kept else ()
    body, told = payload(), []
    for at in (time.time(), time.time() + 1):
        command = listening(start, port, *options)
        assert post(port, body, signed(body, at, secret)) == 200
        assert command.stop() == 0
        told.append([row[2] for row in rows(command)[1:]])
    assert told == [["ord_7"], [] if is_kept else ["ord_7"]]


def test_a_file_that_cannot_keep_what_was_told_is_said(smm: Smm, secret: str, tmp_path: Path) -> None:
    """Before anything is taken; and without a secret there is nothing that it could tell apart."""
    file = tmp_path / "seen.db"
    file.write_text("orders,links\n" * 100)
    ran = smm("webhook", "listen", "--panel", "notpanel", "--port", 0, "--replays", file)
    assert ran.code == 2
    assert f"{file} cannot hold the replay guard" in ran.err
    assert "listening" not in ran.err


def test_several_secrets_are_taken_while_one_is_changed(
    start: Start, port: int, monkeypatch: pytest.MonkeyPatch, profiles: Path
) -> None:
    """They are separated by commas."""
    monkeypatch.setenv("NOTPANEL_WEBHOOK_SECRET", f"new-{SECRET},{SECRET}")
    command = listening(start, port)
    for number, secret in enumerate((SECRET, f"new-{SECRET}")):
        body = payload(event_id=f"evt_{number}")
        assert post(port, body, signed(body, time.time(), secret)) == 200
    assert command.stop() == 0
    assert [row[7] for row in rows(command)[1:]] == ["evt_0", "evt_1"]


# ------------------------------------------------------------------------------------------------- what is refused


def test_what_is_not_the_panels_is_a_line_with_the_check(start: Start, port: int, secret: str) -> None:
    """And nothing else of it: not a byte of what was sent reaches the terminal."""
    command = listening(start, port, "--path", "/hook")
    body, marker = payload(order="EVIL"), "EVIL"
    hostile = [("X-Webhook-Signature", "EVIL" * 16), ("X-Webhook-Timestamp", str(int(time.time())))]
    assert post(port, body, signed(body, time.time(), f"EVIL{secret}"), path="/hook") == 401
    assert post(port, body, hostile, path="/hook") == 401
    assert post(port, body, path="/hook") == 401
    assert post(port, body, signed(body, time.time() - 4000, secret), path="/hook") == 401
    assert post(port, b"EVIL", signed(b"EVIL", time.time(), secret), path="/hook") == 400
    assert post(port, b"EVIL" * 100_000, path="/hook") == 413
    assert post(port, b"", path="/hook", method="GET") == 405
    assert post(port, body, path="/hook/EVIL") == 404
    with socket.create_connection(("127.0.0.1", port), timeout=20) as raw:
        raw.sendall(b"EVIL \x1b[2J\r\n\r\n")
        assert b"400" in raw.recv(1000)
    assert command.stop() == 0
    refused = [line for line in command.err if "refused a delivery" in line]
    checks = ["signature", "signature-header", "signature-header", "timestamp", "payload", "size", "method", "path"]
    assert refused == [f"smm: refused a delivery: {check}" for check in [*checks, "http"]]
    assert command.out == ["\t".join(HEADINGS)]
    assert marker not in "\n".join(command.err)
    assert secret not in "\n".join(command.err)
    assert any("--record" in line for line in command.err)


def test_a_signed_payload_cannot_touch_the_terminal(start: Start, port: int, secret: str) -> None:
    """Escape sequences, direction marks and tabs are gone, and what nobody would call a word is cut."""
    command = listening(start, port)
    about = {"order": "ord_1", "status": "completed\x1b[2J", "charge": "1"}
    bodies = (
        payload(event_id=None, data=about),
        payload(event_id="\u202eevt\x1b]0;x\x07\t1"),
        payload(event="x" * 101),
        payload(event="a\x1bb"),
        payload(event="odd.\u202e" + "y" * 80, event_id="i" * 5000),
        payload(event_id="evt_2", data={**about, "order": "o" * 5000, "status": "completed"}),
    )
    for body in bodies:
        post(port, body, signed(body, time.time(), secret))
    assert command.stop() == 0
    shown = "\n".join(command.out + command.err)
    assert not {"\x1b", "\x07", "\u202e"} & set(shown)
    assert all(len(row) == len(HEADINGS) for row in rows(command))
    assert max(map(len, shown.splitlines())) < 400


def test_a_reader_that_goes_away_ends_it(port: int, secret: str) -> None:
    """``| head``: quietly, and the delivery that nobody read is not acknowledged."""
    arguments = ["webhook", "listen", "--panel", "notpanel", "--json", "--port", str(port)]
    with subprocess.Popen(
        [sys.executable, "-m", "smmclient.cli", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.close()
            assert "listening" in process.stderr.readline()
            body = payload()
            assert post(port, body, signed(body, time.time(), secret)) == 500
            assert process.wait(30) == 141
            assert "Traceback" not in process.stderr.read()
        finally:
            process.kill()


# --------------------------------------------------------------------------------------------------------- recording


def test_without_a_secret_deliveries_are_recorded_and_shown_as_unverified(
    start: Start, box: Sandbox, port: int, tmp_path: Path
) -> None:
    """The file is for its owner alone, and has what came, to the byte."""
    box.webhooks.register(f"http://127.0.0.1:{port}/")
    file = tmp_path / "d.jsonl"
    command = listening(start, port, "--record", file)
    command.wait_for("no signature is checked")
    command.wait_for("answered as taken (200)")
    command.wait_for("a webhook of its own")
    box.set_balance("1.25")
    command.wait_for("balance.low")
    odd = b'{"event": "\xff\xfe\x1b[2J"}'
    assert post(port, odd, [("X-Odd", "\xe9")]) == 200
    assert post(port, b"\x00 no event \r\n") == 200
    assert post(port, b"x" * 300_000) == 413
    assert command.stop() == 0
    assert [row[8] for row in rows(command)[1:]] == ["unverified"] * 3
    assert rows(command)[3][1] == "(not understood)"
    assert "\x1b" not in "\n".join(command.out + command.err)
    assert "smm: stopped; 3 unverified deliveries, 1 refused" in command.err
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    kept = [json.loads(line) for line in file.read_text().splitlines()]
    assert [one["body"].encode("utf-8", "surrogateescape") for one in kept[1:]] == [odd, b"\x00 no event \r\n"]
    assert "x-webhook-signature" in dict(kept[0]["headers"])


def test_with_a_secret_what_is_refused_is_recorded_too(start: Start, port: int, secret: str, tmp_path: Path) -> None:
    """So that a scheme that does not fit can be learnt from it; what was there stays."""
    file = tmp_path / "d.jsonl"
    file.touch(0o600)
    file.write_text('{"torn": ')
    command = listening(start, port, "--record", file)
    body = payload()
    assert post(port, body, signed(body, time.time(), secret)) == 200
    assert post(port, body, [("X-Signature", "of another scheme")]) == 401
    assert command.stop() == 0
    assert [row[8] for row in rows(command)[1:]] == ["verified"]
    torn, *kept = file.read_text().splitlines()
    assert torn == '{"torn": '
    assert [json.loads(line)["body"] for line in kept] == [body.decode()] * 2
    assert secret not in file.read_text()


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such permissions")
def test_a_recording_that_others_can_read_is_refused(smm: Smm, tmp_path: Path, profiles: Path) -> None:
    """With the command that mends it."""
    file = tmp_path / "d.jsonl"
    file.touch()
    file.chmod(0o644)
    ran = smm("webhook", "listen", "--panel", "notpanel", "--port", 0, "--record", file)
    assert ran.code == 2
    assert f"chmod 600 {file}" in ran.err
    assert smm("webhook", "listen", "--panel", "notpanel", "--port", 0, "--record", tmp_path).code == 2


# ------------------------------------------------------------------------------------------- what is said beforehand


def test_a_missing_secret_is_said(smm: Smm, tmp_path: Path) -> None:
    """Where to put it, and how to do without."""
    ran = smm("webhook", "listen", "--panel", "notpanel")
    assert ran.code == 2
    assert "NOTPANEL_WEBHOOK_SECRET" in ran.err
    assert "--record FILE" in ran.err
    kept = smm(
        "webhook", "listen", "--panel", "notpanel", "--record", tmp_path / "d", "--replays", tmp_path / "seen.db"
    )
    assert kept.code == 2
    assert "--replays: there is no secret" in kept.err
    assert not list(tmp_path.iterdir())
    failed = json.loads(smm("webhook", "listen", "--panel", "notpanel", "--json").out)
    assert failed["event"] == "Failed"


def test_a_panel_without_webhooks_is_said(smm: Smm) -> None:
    """Unless there is a secret for it, which only who has webhooks can have."""
    ran = smm("webhook", "listen", "--panel", "panelbon")
    assert ran.code == 2
    assert "panelbon documents no webhooks" in ran.err


def test_a_port_in_use_is_said(smm: Smm, box: Sandbox, secret: str) -> None:
    """With the port, and what to do."""
    taken = box.base_url.split(":")[2].split("/")[0]
    ran = smm("webhook", "listen", "--panel", "notpanel", "--port", taken)
    assert ran.code == 2
    assert f"port {taken} cannot be listened on: Address already in use" in ran.err
    assert smm("webhook", "listen", "--panel", "notpanel", "--port", 99999).code == 2


def test_a_missing_or_wrong_scheme_file_is_said(smm: Smm, secret: str, tmp_path: Path) -> None:
    """With its name, and what is wrong with it."""
    file = tmp_path / "scheme.toml"
    listen = ("webhook", "listen", "--panel", "notpanel", "--scheme", file)
    ran = smm(*listen)
    assert ran.code == 2
    assert str(file) in ran.err
    file.write_text('signature_heder = "x"\n')
    assert "did you mean 'signature_header'" in smm(*listen).err


def test_a_path_without_a_slash_is_said(smm: Smm, secret: str) -> None:
    """Before the port is taken."""
    assert smm("webhook", "listen", "--panel", "notpanel", "--path", "hook").code == 2


def test_without_a_server_one_line_says_what_to_install(secret: str) -> None:
    """No traceback where the extra is missing."""
    code = (
        "import sys; sys.modules['uvicorn'] = None; from smmclient.cli import main; "
        "sys.exit(main(['webhook', 'listen', '--panel', 'notpanel']))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 2
    assert 'pip install "smmclient[cli,sandbox]"' in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_scheme_of_another_sender_is_taken_from_its_file(
    smm: Smm, start: Start, port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, profiles: Path
) -> None:
    """What is recorded is learnt, saved, and listened with: the whole way of a new user."""
    signing = Signing(
        signature_header="x-panel-sign", prefix="v1=", signed="{id}:{timestamp}:{body}", encoding="base64"
    )
    file, scheme = tmp_path / "d.jsonl", tmp_path / "scheme.toml"
    with serve("notpanel", webhook_signing=signing) as box:
        hook = box.webhooks.register(f"http://127.0.0.1:{port}/")
        command = listening(start, port, "--record", file)
        box.set_balance("1.25")
        command.wait_for("balance.low")
        assert command.stop() == 0
        monkeypatch.setenv("NOTPANEL_WEBHOOK_SECRET", hook.secret)
        ran = smm("webhook", "learn", file, "--panel", "notpanel", "--save", scheme)
        assert ran.code == 0
        assert hook.secret not in ran.out + ran.err + scheme.read_text()
        command = listening(start, port, "--scheme", scheme)
        box.set_balance("100")
        box.set_balance("2.50")
        command.wait_for("2.50")
        assert command.stop() == 0
    assert [row[8] for row in rows(command)[1:]] == ["verified"]
