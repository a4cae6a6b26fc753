"""`smm sandbox`: a panel in a box from the command line, in any flavour, with faults if they are wanted."""

import json
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode

import pytest

from sandbox_receiver import ADD, Receiver, answer
from smmclient.cli import main
from smmclient.cli.boxes import done_by
from smmclient.sandbox import FLAVOURS, serve

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C cannot be sent to one process there")


@contextmanager
def running(*arguments: str, ended: list[str] | None = None) -> Iterator[dict[str, Any]]:
    """Run the command on a free port, give what it says, and end it as Ctrl-C does; ``ended`` gets its stderr."""
    command = [sys.executable, "-m", "smmclient.cli", "sandbox", "--json", "--port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = ""
        try:
            # The document ends with the line of its closing brace.
            for line in process.stdout:
                said += line
                if line.rstrip().endswith("}"):
                    break
            yield json.loads(said)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(5)
            assert process.stderr is not None
            if ended is not None:
                ended += process.stderr.read().splitlines()


def ask(box: dict[str, Any], action: str, **fields: object) -> Any:
    """Post a form to the box, and return what it answers."""
    form = urlencode({"key": box["api_key"], "action": action, **fields}).encode()
    with urllib.request.urlopen(box["base_url"], form, timeout=5) as reply:
        return json.load(reply)


def test_a_flavour_is_served_with_money_of_its_own() -> None:
    """The flavour answers in its shapes, with an account that is worth about a hundred dollars."""
    with running("--panel", "v2", "--flavour", "cmsnt") as box:
        assert box["panel"] == "v2"
        assert ask(box, "balance") == {"balance": "2500000", "currency": "VND"}
        assert ask(box, "wallet") == {"status": "error", "msg": "The Request Not Found"}


def test_faults_are_there_from_the_start() -> None:
    """With every request going wrong, none is answered in JSON with 200."""
    with running("--panel", "v2", "--faults", "1", "--balance", "7") as box:
        for _ in range(8):
            with pytest.raises((URLError, ConnectionError, ValueError)):
                ask(box, "balance")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--panel", "v2", "--flavour", "nope"], "v2 has no flavour 'nope': there are perfectpanel, cmsnt"),
        (["--flavour", "cmsnt"], "notpanel has no flavours, only v2 has: perfectpanel, cmsnt"),
        (["--panel", "v2", "--faults", "2"], "a share lies between 0 and 1"),
    ],
)
def test_what_cannot_be_is_said(capsys: pytest.CaptureFixture[str], arguments: list[str], words: str) -> None:
    """An unknown flavour, one of another panel, and a share above all are calls that are wrong: code 2."""
    assert main(["sandbox", "--port", "0", *arguments]) == 2
    assert words in capsys.readouterr().err


def test_help_names_every_flavour(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever asks for help sees what can be chosen."""
    main(["sandbox", "--help"])
    said = capsys.readouterr().out
    assert all(flavour in said for flavour in FLAVOURS)


def test_at_the_end_a_line_tells_what_it_did(receiver: Receiver) -> None:
    """Requests and orders, on stderr; and what was pushed, where there was a webhook."""
    ended: list[str] = []
    with running("--balance", "5.01", ended=ended) as box:
        ask(box, "webhook.add", url=receiver.url, events="balance.low")
        ask(box, "add", **ADD)
        receiver.wait_for(1)
    told = "2 requests, 1 order; webhooks: 1 event sent, 1 delivered, 0 lost, 0 forged, 0 given up"
    assert ended == [f"smm: stopped; {told}"]
    ended.clear()
    with running("--panel", "panelbon", ended=ended) as box:
        ask(box, "balance")
    assert ended == ["smm: stopped; 1 request, 0 orders"]


def test_what_went_wrong_with_webhooks_is_counted(receiver: Receiver) -> None:
    """An event that was lost was not sent, one beside a forged one was, and one that nobody took is given up."""
    with serve("notpanel", webhook_retries=()) as box:
        box.webhooks.register(receiver.url)
        for fault in ("lose", "forge"):
            box.webhooks.fault(fault)
        for _ in range(4):
            receiver.script = [answer(500)] if len(box.webhooks.deliveries) == 3 else []
            box.set_balance(1)
            box.set_balance(100)
            assert box.webhooks.wait_until_idle()
        assert (
            done_by(box) == "0 requests, 0 orders; webhooks: 3 events sent, 2 delivered, 1 lost, 1 forged, 1 given up"
        )
