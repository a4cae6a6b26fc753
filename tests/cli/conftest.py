"""``smm`` as a user calls it: arguments in, exit code and text out, against a panel in a box."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from attrs import frozen

from smmclient.cli import main
from smmclient.pipeline.clock import SystemClock
from smmclient.sandbox import Limits, Sandbox, serve


@frozen
class Ran:
    """What one call of ``smm`` left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What stdout holds, which must be one JSON document."""
        return json.loads(self.out)

    @property
    def rows(self) -> list[list[str]]:
        """The cells of stdout, line by line."""
        return [line.split("\t") for line in self.out.splitlines()]


@pytest.fixture
def profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The place of the profile file, which is not there yet; no setting of the real user is seen."""
    for name in ("SMM_PANEL", "SMM_PROFILE", "NOTPANEL_API_KEY", "PANELBON_API_KEY", "V2_API_KEY", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / "profiles.toml"
    monkeypatch.setenv("SMM_PROFILES", str(path))
    monkeypatch.setenv("SMM_PANELS", str(tmp_path / "panels.toml"))
    return path


@pytest.fixture
def smm(profiles: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Run ``smm`` with these arguments."""

    def smm(*arguments: object) -> Ran:
        code = main([str(one) for one in arguments])
        out, err = capsys.readouterr()
        return Ran(code, out, err)

    return smm


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time passes at once between two attempts."""

    async def at_once(clock: SystemClock, seconds: float) -> None:
        await anyio.lowlevel.checkpoint()

    monkeypatch.setattr(SystemClock, "sleep", at_once)


@pytest.fixture
def box() -> Iterator[Sandbox]:
    """A NotPanel without limits, where every order is finished at once and well."""
    with serve("notpanel", limits=Limits(), seconds_to_finish=0, troubled=0) as box:
        yield box


@pytest.fixture
def at_box(box: Sandbox, profiles: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """The options that lead to the box; the key is in the environment."""
    monkeypatch.setenv("NOTPANEL_API_KEY", box.api_key)
    return ("--panel", "notpanel", "--base-url", box.base_url)
