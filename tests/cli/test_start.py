"""The command itself: quick to start, clear without its extra, and helpful."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

HEAVY = ("httpx", "uvicorn", "rich.table", "rich.live", "cattrs", "smmclient.sandbox", "smmclient.transport.httpx")


def test_the_command_line_is_parsed_without_what_a_command_needs() -> None:
    """Libraries for the network, for tables and for panels in boxes are imported when they are used."""
    code = f"import sys, smmclient.cli.run; print([name for name in {HEAVY} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_without_the_extra_one_line_says_what_to_install() -> None:
    """No traceback for a plain ``pip install smmclient``."""
    code = "import sys; sys.modules['cyclopts'] = None; from smmclient.cli import main; sys.exit(main([]))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert ran.stderr == 'smm needs two more packages: pip install "smmclient[cli]"\n'


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    """``smm providers | head -0`` ends quietly."""
    code = (
        "import os, sys; r, w = os.pipe(); os.close(r); os.dup2(w, 1); "
        "from smmclient.cli import main; sys.exit(main(['providers']))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (141, "")


@pytest.mark.parametrize("arguments", [("--help",), ("order", "--help"), ()])
def test_help_is_text(smm: Callable[..., Any], arguments: tuple[str, ...]) -> None:
    """It goes to stdout, and is no error."""
    ran = smm(*arguments)
    assert (ran.code, ran.err) == (0, "")
    assert "Usage: smm" in ran.out


def test_help_shows_no_option_for_a_key(smm: Callable[..., Any]) -> None:
    """What cannot be given is not offered."""
    assert "--api-key" not in smm("order", "--help").out


def test_the_panels_are_listed_with_what_they_document(smm: Callable[..., Any]) -> None:
    """Address, name of the key's variable, and every capability."""
    rows = {row[0]: row for row in smm("providers").rows}
    assert rows["panel"][:3] == ["panel", "base_url", "key"]
    assert rows["notpanel"][1:3] == ["https://notpanel.com/api/v2", "NOTPANEL_API_KEY"]
    assert rows["v2"][1] == "given with --base-url"
    known = {one["panel"]: one for one in smm("providers", "--json").json}
    assert known["panelbon"]["capabilities"]["refill"] == "no"
    assert known["v2"]["needs_base_url"] is True


def test_an_unknown_panel_gets_a_hint(smm: Callable[..., Any]) -> None:
    """A slip of the finger is answered with the name that was meant."""
    ran = smm("balance", "--panel", "notpanle")
    assert ran.code == 2
    assert "notpanel" in ran.err
