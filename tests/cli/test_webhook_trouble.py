"""Bad moments of the commands about webhooks: told before anything is done, and nothing shown once is lost."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from smmclient.cli.outcome import CallError
from smmclient.cli.plain import money, to_json
from smmclient.cli.webhook.receiver import bound
from smmclient.cli.webhook.recording import Recording
from smmclient.panel import Panel
from smmclient.sandbox import serve

Smm = Callable[..., Any]


def test_a_port_that_somebody_listens_on_is_told_at_once() -> None:
    """The second of two commands with one port hears it before it has done anything."""
    with bound("127.0.0.1", 0) as first:
        again = bound("127.0.0.1", first.getsockname()[1])
        with pytest.raises(CallError, match="cannot be listened on"):
            again.__enter__()


@pytest.mark.parametrize("host", ["", "no such host.invalid", "\udc80"])
def test_a_host_that_is_none(host: str) -> None:
    """Neither an empty one, which would be all addresses, nor one that cannot be written, is listened on."""
    with pytest.raises(CallError, match=r"the host is empty|cannot be listened on"):
        bound(host, 0).__enter__()


def test_a_number_without_end_is_not_written_out() -> None:
    """What no money is keeps its exponent: a short text of a panel cannot fill the memory."""
    for text in ("1E+99999999", "1E-99999999"):
        assert len(money(Decimal(text))) < 20
        assert len(to_json({"charge": Decimal(text)})) < 60
    assert money(Decimal("1E-20")) == "0.00000000000000000001"
    assert money(Decimal("NaN")) == "NaN"


@pytest.mark.skipif(os.name != "posix", reason="there are no such files")
def test_deliveries_are_kept_in_files_only(tmp_path: Path) -> None:
    """A pipe, whose reader can hold everything up, is refused."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    with pytest.raises(CallError, match="no regular file"):
        Recording(pipe)
    with Recording(tmp_path / "file"):
        pass
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o600


def test_the_secret_is_shown_before_the_connection_is_closed(
    smm: Smm, profiles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stop while the connection is being closed loses nothing that is shown once."""
    close = Panel.aclose

    async def stopped(self: Panel) -> None:
        await close(self)
        raise KeyboardInterrupt

    with serve("notpanel") as box:
        monkeypatch.setenv("NOTPANEL_API_KEY", box.api_key)
        monkeypatch.setattr(Panel, "aclose", stopped)
        ran = smm("webhook", "add", "http://127.0.0.1:9/", "--panel", "notpanel", "--base-url", box.base_url)
    assert re.search(r"^secret\t\w{16,}$", ran.out, re.MULTILINE)
    assert ran.code == 130
