"""``smm`` as a user calls it: arguments in, exit code and text out, against a panel in a box."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

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
    keys = (f"{panel}_{what}" for panel in ("NOTPANEL", "PANELBON", "V2") for what in ("API_KEY", "WEBHOOK_SECRET"))
    for name in ("SMM_PANEL", "SMM_PROFILE", "XDG_CONFIG_HOME", *keys):
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


class Started:
    """A command in a process of its own, which runs until it is told to stop."""

    def __init__(self, arguments: tuple[object, ...]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "smmclient.cli", *(str(one) for one in arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._news = threading.Condition()
        self._lines: dict[str, list[str]] = {"out": [], "err": []}
        pipes = (("out", self._process.stdout), ("err", self._process.stderr))
        self._readers = [threading.Thread(target=self._read, args=one, daemon=True) for one in pipes]
        for reader in self._readers:
            reader.start()

    def _read(self, name: str, pipe: IO[str]) -> None:
        with pipe:
            for line in pipe:
                with self._news:
                    self._lines[name].append(line.rstrip("\n"))
                    self._news.notify_all()

    @property
    def out(self) -> list[str]:
        """The lines of stdout so far."""
        return list(self._lines["out"])

    @property
    def err(self) -> list[str]:
        """The lines of stderr so far."""
        return list(self._lines["err"])

    def wait_for(self, text: str, times: int = 1) -> None:
        """Wait until so many lines have the text; fail after 20 seconds."""

        def is_there() -> bool:
            return sum(text in line for lines in self._lines.values() for line in lines) >= times

        with self._news:
            assert self._news.wait_for(is_there, 20), f"no {text!r} in {self._lines}"

    def stop(self, how: signal.Signals | None = signal.SIGINT) -> int:
        """Send the signal, or none where it ends by itself; wait for the end, and return the exit code."""
        if how is not None and self._process.poll() is None:
            self._process.send_signal(how)
        code = self._process.wait(30)
        for reader in self._readers:
            reader.join(10)
        return code

    def kill(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self.stop(None)


@pytest.fixture
def start(profiles: Path) -> Iterator[Callable[..., Started]]:
    """Start ``smm`` with these arguments in a process, which ends with the test at the latest."""
    running: list[Started] = []

    def start(*arguments: object) -> Started:
        running.append(Started(arguments))
        return running[-1]

    yield start
    for one in running:
        one.kill()
