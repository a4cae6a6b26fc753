"""What does importing cost, and what comes with it? In fresh interpreters."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.tables import Table, median, ms

#: What a program that only imports smmclient must not pay for.
FORBIDDEN = ("httpx", "aiohttp", "httpcore", "tenacity", "rich", "cyclopts")
WATCHED = (*FORBIDDEN, "anyio", "attrs", "cattrs", "msgspec", "asyncio", "ssl")
_CONNECT = "import smmclient; panel = smmclient.connect('v2', api_key='k', base_url='http://127.0.0.1:9/api')"
#: A port that nobody listens on: all is imported and made that a send needs, and nothing is sent.
_SEND = """
import anyio
async def main():
    try:
        await panel.with_settings(retry=smmclient.RetryPolicy(attempts=1)).balance()
    except smmclient.Unreachable:
        await panel.aclose()
anyio.run(main{backend})
"""
PROGRAMS = {
    "import smmclient": "import smmclient",
    "smmclient.connect() too": _CONNECT,
    "… and a first send on asyncio": _CONNECT + _SEND.format(backend=""),
    "… and a first send on trio": _CONNECT + _SEND.format(backend=", backend='trio'"),
    "for comparison: import httpx": "import httpx",
    "for comparison: import aiohttp": "import aiohttp",
    "for comparison: import asyncio": "import asyncio",
}


def _run(*command: str) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, timeout=30, env={**os.environ, "NO_COLOR": "1"})
    return time.perf_counter() - started


def _loaded(program: str) -> list[str]:
    code = f"{program}\nimport sys\nprint(*[name for name in {WATCHED!r} if name in sys.modules])"
    told = subprocess.run((sys.executable, "-c", code), check=True, capture_output=True, timeout=30, text=True)
    return told.stdout.split()


def measure(quick: bool) -> tuple[Table, ...]:
    commands: dict[str, Callable[[], float]] = {"": lambda: _run(sys.executable, "-c", "pass")}
    for name, program in PROGRAMS.items():
        commands[name] = lambda program=program: _run(sys.executable, "-c", program)  # type: ignore[misc]
    smm = Path(sys.executable).with_name("smm")
    if smm.exists():
        commands["smm --help"] = lambda: _run(str(smm), "--help")
        commands["smm --version"] = lambda: _run(str(smm), "--version")
    took: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(3 if quick else 16):
        for name, command in commands.items():
            seconds = command()
            if number:  # the first one compiles
                took[name].append(seconds)
    bare = median(took[""])
    loaded = {name: _loaded(program) for name, program in PROGRAMS.items()}
    stowaways = [
        f"{program} loads {name}"
        for program in ("import smmclient", "smmclient.connect() too")
        for name in loaded[program]
        if name in FORBIDDEN
    ]
    return (
        Table(
            title="Imports",
            columns=("", "time, less a bare interpreter's", "loaded of those watched"),
            rows=[
                (name, ms(median(all_of) - bare), ", ".join(loaded.get(name, [])) or "-")
                for name, all_of in took.items()
                if name
            ],
            reading=(
                f"Fresh interpreters, median of {len(took[''])}; a bare one takes {ms(bare)}. Watched: "
                f"{', '.join(WATCHED)}. Neither importing smmclient nor connecting may load any of "
                f"{', '.join(FORBIDDEN)}; the first send loads one HTTP library, and meets a closed port here."
            ),
            broken=[f"imports: {stowaway}" for stowaway in stowaways],
        ),
    )
