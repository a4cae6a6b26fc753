"""Asking before money is spent."""

from __future__ import annotations

import asyncio
import sys

from smmclient.cli.outcome import CallError
from smmclient.cli.plain import clean

__all__ = ["ask"]


async def ask(question: str) -> bool:
    """Whether the person at the terminal says yes. Ctrl-C ends the command meanwhile."""
    if sys.stdin is None or not sys.stdin.isatty():
        raise CallError(
            "there is nobody to ask: the input is no terminal",
            hint="nothing was kept, nothing was sent; --yes places the orders without asking",
        )
    print(f"{clean(question)} [y/N] ", end="", file=sys.stderr, flush=True)
    await _line_is_there()
    return sys.stdin.readline().strip().casefold() in ("y", "yes")


async def _line_is_there() -> None:
    """Wait for the line without blocking the loop: a blocked one would not hear Ctrl-C."""
    loop, there = asyncio.get_running_loop(), asyncio.Event()
    try:
        loop.add_reader(sys.stdin.fileno(), there.set)
    except (NotImplementedError, OSError):
        return  # Windows, where reading is interrupted by itself
    try:
        await there.wait()
    finally:
        loop.remove_reader(sys.stdin.fileno())
