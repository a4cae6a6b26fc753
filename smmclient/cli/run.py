"""From a command line to an exit code: parsing, running, and telling what went wrong."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import os
import signal
import sys
from collections.abc import Coroutine, Sequence

from cyclopts import CycloptsError

from smmclient.cli.app import app
from smmclient.cli.outcome import INTERRUPTED, OK, UNKNOWN, CallError
from smmclient.cli.output import Out
from smmclient.cli.profiles import check_no_key
from smmclient.cli.session import Session
from smmclient.errors import SMMError

__all__ = ["run"]


def run(tokens: Sequence[str]) -> int:
    """Run one command line and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A service's emoji must not end a run on a terminal that cannot show it.
        if (reconfigure := getattr(stream, "reconfigure", None)) is not None:
            reconfigure(errors="replace")
    session = Session(tokens, os.environ, Out(json="--json" in tokens))
    try:
        return _run(session)
    except SMMError as error:
        return session.tell(error)
    except (KeyboardInterrupt, asyncio.CancelledError):
        return _interrupted(session)
    except BrokenPipeError:
        # The reader of a pipe (`| head`) is gone. What Python still holds for it goes nowhere, without a complaint.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + 13


def _run(session: Session) -> int:
    check_no_key(session.tokens)
    try:
        command, bound, ignored = app.parse_args(session.tokens, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        shown = " ".join(["smm", *_named(session.tokens), "--help"])
        raise CallError(str(error), hint=f"nothing was sent; `{shown}` shows what there is") from error
    if "session" in ignored:
        bound.arguments["session"] = session
    result = command(*bound.args, **bound.kwargs)
    if inspect.iscoroutine(result):
        result = asyncio.run(_stoppable(result))
    return result if isinstance(result, int) else OK


def _named(tokens: Sequence[str]) -> list[str]:
    """The command that the arguments begin with: one word, or that of a group and one of its own."""
    level, named = app, list[str]()
    for one in tokens:
        if one.startswith("-") or one not in level:
            break
        level = level[one]
        named.append(one)
    return named


async def _stoppable(command: Coroutine[object, object, object]) -> object:
    """Run the command so that SIGTERM stops it as Ctrl-C does: with a word about an order in the air."""
    task = asyncio.current_task()
    if task is not None:
        with contextlib.suppress(NotImplementedError, RuntimeError):
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await command


def _interrupted(session: Session) -> int:
    doubts = session.doubts()
    for error in doubts:
        session.out.error(error, session.tokens)
    if doubts:
        return UNKNOWN
    # What ``smm demo`` has in the air is play money, and gone with its panels.
    may_act = session.tokens[:1] in (("order",), ("refill",), ("cancel",)) or session.tokens[:2] in (
        ("webhook", "add"),
        ("webhook", "remove"),
    )
    message = "stopped; no call to the panel was under way" if may_act else "stopped"
    if session.out.json:
        session.write_error({"type": "Interrupted", "message": message, "exit_code": INTERRUPTED})
    else:
        session.out.note(f"smm: {message}")
    return INTERRUPTED
