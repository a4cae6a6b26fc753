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

from smmclient.cli import main
from smmclient.sandbox import FLAVOURS

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C cannot be sent to one process there")


@contextmanager
def running(*arguments: str) -> Iterator[dict[str, Any]]:
    """Run the command on a free port, give what it says, and end it as Ctrl-C does."""
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


def ask(box: dict[str, Any], action: str) -> Any:
    """Post a form to the box, and return what it answers."""
    form = urlencode({"key": box["api_key"], "action": action}).encode()
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
