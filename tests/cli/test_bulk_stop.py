"""Ctrl-C, SIGTERM and SIGKILL in the middle of a run, in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from smmclient.bulk import lane
from smmclient.sandbox import Sandbox

Smm = Callable[..., Any]
COUNT = 40


@pytest.fixture
def orders(tmp_path: Path) -> Path:
    """Forty orders."""
    path = tmp_path / "o.csv"
    path.write_text("service,link,quantity\n" + "".join(f"1,https://e.example/{n},100\n" for n in range(COUNT)))
    return path


@pytest.fixture
def start(box: Sandbox, at_box: Sequence[str], orders: Path, tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Begin the run in a process, and return once some of it is placed and some in the air."""

    def start(*options: str) -> subprocess.Popen[str]:
        box.slow(0.15)
        command = [sys.executable, "-m", "smmclient.cli", "bulk", "place", str(orders), "--run", str(tmp_path / "r.db")]
        process = subprocess.Popen(
            [*command, "--limit", "none", "--connections", "4", *at_box, *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=dict(os.environ),
        )
        end = time.monotonic() + 30
        while len(box.orders) < 6 and time.monotonic() < end:
            time.sleep(0.005)
        return process

    return start


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_finishes_what_is_in_the_air(
    smm: Smm, box: Sandbox, start: Callable[..., subprocess.Popen[str]], tmp_path: Path, stop: signal.Signals
) -> None:
    """The exit code is 130, no row is in doubt, and the rest goes with `resume`."""
    process = start()
    process.send_signal(stop)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "stopping: finishing" in err
    assert "Traceback" not in err
    assert "rows are not sent yet: `smm bulk resume" in out
    assert 6 <= len(box.orders) < COUNT
    box.heal()
    shown = [row for row in smm("bulk", "show", tmp_path / "r.db").rows if row[0] == "notpanel" and len(row) > 2]
    assert (shown[0][2], shown[0][4]) == (str(len(box.orders)), "0")
    assert smm("bulk", "resume", tmp_path / "r.db", "--limit", "none").code == 0
    assert (len(box.orders), box.duplicates()) == (COUNT, ())


def test_a_second_stop_leaves_at_once(
    smm: Smm,
    box: Sandbox,
    start: Callable[..., subprocess.Popen[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However slow the panel is; what was in the air is found again by its request_id."""
    process = start()
    box.slow(20)
    made = len(box.orders)
    while box.count("add") < made + 4 and process.poll() is None and len(box.orders) < made + 4:
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    assert "stopping" in process.stderr.readline()
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=15)
    assert time.monotonic() - began < 10
    assert process.returncode == 130
    assert "left at once" in err
    box.heal()
    box.slow(0)
    monkeypatch.setattr(lane, "_ASK_AFTER", (0.01,) * 7)
    assert smm("bulk", "show", tmp_path / "r.db").code == 0
    assert smm("bulk", "resume", tmp_path / "r.db", "--limit", "none").code == 0
    assert (len(box.orders), box.duplicates()) == (COUNT, ())


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such terminals")
@pytest.mark.parametrize(("typed", "code", "made"), [("y\n", 0, COUNT), ("n\n", 130, 0), ("\x03", 130, 0)])
def test_a_terminal_is_asked_and_sees_bars(
    box: Sandbox, at_box: Sequence[str], orders: Path, tmp_path: Path, typed: str, code: int, made: int
) -> None:
    """Only a yes places orders, and Ctrl-C is heard at the question, too."""
    code_of_terminal = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"
    command = [sys.executable, "-m", "smmclient.cli", "bulk", "place", str(orders), "--run", str(tmp_path / "r.db")]
    with subprocess.Popen(
        [sys.executable, "-c", code_of_terminal, *command, "--limit", "none", *at_box],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
        env={**os.environ, "TERM": "xterm"},
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        shown = b""
        while b"[y/N]" not in shown and (more := process.stdout.read(4096)):
            shown += more
        process.stdin.write(typed.encode())
        while more := process.stdout.read(4096):
            shown += more
        status = process.wait(30)
    assert (status, len(box.orders)) == (code, made)
    assert b"Place 40 orders for 3.60 USD on notpanel? [y/N]" in shown
    assert (b"40/40" in shown, b"nothing was kept" in shown) == (typed == "y\n", typed == "n\n")


def test_a_reader_that_goes_away_stops_the_run(
    smm: Smm, box: Sandbox, start: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    """``| head`` ends it cleanly: what is in the air is finished, and the rest waits."""
    process = start("--json")
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (141, "")
    box.heal()
    assert smm("bulk", "doubt", tmp_path / "r.db").code == 0
    assert smm("bulk", "resume", tmp_path / "r.db", "--limit", "none").code == 0
    assert (len(box.orders), box.duplicates()) == (COUNT, ())


def test_a_killed_run_is_resumed(
    smm: Smm,
    box: Sandbox,
    start: Callable[..., subprocess.Popen[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without a chance to clean up, nothing is lost and nothing is ordered twice."""
    process = start("--json")
    process.kill()
    process.communicate(timeout=30)
    box.heal()
    monkeypatch.setattr(lane, "_ASK_AFTER", (0.01,) * 7)
    assert smm("bulk", "doubt", tmp_path / "r.db", "--offline").code == 5
    ran = smm("bulk", "resume", tmp_path / "r.db", "--limit", "none")
    assert ran.code == 0
    assert "of them asked about again" in ran.out
    assert (len(box.orders), box.duplicates()) == (COUNT, ())
