"""``smm webhook listen``: a receiver in the foreground, and a line for each event that comes."""

from __future__ import annotations

import asyncio
import shlex
import time
from contextlib import ExitStack
from pathlib import Path

from attrs import frozen

from smmclient.cli.outcome import OK, CallError
from smmclient.cli.output import Out
from smmclient.cli.profiles import no_secret, secret_name, webhook_secrets
from smmclient.cli.session import Access, Session
from smmclient.cli.webhook.choices import read_scheme
from smmclient.cli.webhook.lines import HEADINGS, as_cells, as_line, as_record, counted
from smmclient.cli.webhook.recording import Recorder, Recording, Unverified
from smmclient.cli.webhook.refusals import Refusals
from smmclient.cli.webhook.support import check_pushes, check_server
from smmclient.webhooks import SQLiteReplays, WebhookApp, WebhookEvent
from smmclient.webhooks.bodies import App

__all__ = ["Wanted", "listen_for"]


@frozen(kw_only=True)
class Wanted:
    """Where to listen, how deliveries are signed, and the files that keep them and what was handled of them."""

    host: str
    port: int
    path: str
    scheme: Path | None
    record: Path | None
    replays: Path | None = None


async def listen_for(session: Session, access: Access, wanted: Wanted) -> int:
    """Receive until Ctrl-C; what cannot be done is said before the port is taken."""
    check_server()
    from smmclient.cli.webhook.receiver import Paths, address_of, bound, serving

    out, account = session.out, session.account_of(access)
    if not wanted.path.startswith("/") or "?" in wanted.path or "#" in wanted.path:
        raise CallError(
            f"--path {wanted.path[:60]!r} is no path", hint="it begins with a slash, as in --path /notpanel"
        )
    scheme, secrets = read_scheme(wanted.scheme), webhook_secrets(session.environ, account)
    if not secrets and wanted.record is None:
        check_pushes(account.panel)
        error = no_secret(session.environ, account.panel)
        raise CallError(error.message, hint=f"{error.hint}; or record deliveries without it: --record FILE")
    if not secrets and wanted.replays is not None:
        error = no_secret(session.environ, account.panel)
        raise CallError(
            f"--replays: {error.message}, and what nobody signed is not told apart",
            hint=f"{error.hint}; or leave --replays out",
        )
    told = _Told(out, is_verified=bool(secrets))
    receiver: App = Unverified(told.tell, scheme=scheme)
    with ExitStack() as stack:
        sock = stack.enter_context(bound(wanted.host, wanted.port))
        if secrets:
            replays = None if wanted.replays is None else await _known_in(wanted.replays, stack)
            # Answered once the line is written: what nobody could read is sent again.
            receiver = WebhookApp(secrets, on_event=told.tell, scheme=scheme, acknowledge="after", replays=replays)
        if wanted.record is not None:
            recording = stack.enter_context(Recording(wanted.record))
            receiver = Recorder(receiver, recording, clock=time.time, fail=told.fail)
        refusals = stack.enter_context(Refusals(lambda text: out.note(f"smm: {text}")))
        async with serving(Paths({wanted.path: receiver}), sock):
            _greet(session, account.panel, f"{address_of(sock)}{wanted.path}", wanted, is_verified=bool(secrets))
            await told.until_stopped()
    told.end(refusals, wanted)
    return OK


async def _known_in(file: Path, stack: ExitStack) -> SQLiteReplays:
    """The events that the file knows; a `ConfigError` now, and not at the first delivery, where it cannot be one."""
    replays = SQLiteReplays(file)
    stack.callback(replays.close)
    # Of a token that nobody has: opens the file, and changes nothing in it.
    await replays.release("")
    return replays


def _greet(session: Session, panel: str, url: str, wanted: Wanted, *, is_verified: bool) -> None:
    out = session.out
    out.note(f"smm: listening for {panel} at {url} until Ctrl-C")
    if wanted.record is not None:
        out.note(f"smm: every delivery is kept in {wanted.record}")
    if not is_verified:
        out.note(f"smm: {secret_name(panel)} is not set: no signature is checked, anybody can send what is shown")
        out.note("smm: what comes is answered as taken (200), so the panel counts it as delivered and sends it no more")
        out.note("  -> record with a webhook of its own, one that nothing else waits for: `smm webhook add URL`")
    if not (out.json or out.is_terminal):
        out.row(HEADINGS)


class _Told:
    """The lines that are written, and what ends them."""

    def __init__(self, out: Out, *, is_verified: bool) -> None:
        self._out, self._is_verified = out, is_verified
        self._events = 0
        self._stop = asyncio.Event()
        self._error: Exception | None = None
        self._is_full = False

    def tell(self, event: WebhookEvent | None) -> None:
        """Write an event."""
        try:
            self._write(event)
        except OSError as error:
            # Nobody reads any more (`| head`).
            self.fail(error)
            raise
        self._events += 1

    def _write(self, event: WebhookEvent | None) -> None:
        out, is_verified = self._out, self._is_verified
        if out.json:
            record = as_record(event, is_verified=is_verified)
            try:
                out.write_json(record, is_line=True)
            except RecursionError:
                out.write_json(record | {"payload": None}, is_line=True)
        elif out.is_terminal:
            out.line(as_line(event, is_verified=is_verified))
        else:
            out.row(as_cells(event, is_verified=is_verified))

    def fail(self, error: Exception | None) -> None:
        """End the command with this error; None is a recording that is full, which only ends the recording."""
        if error is not None:
            self._error = self._error or error
            self._stop.set()
        elif not self._is_full:
            self._is_full = True
            self._out.note("smm: the recording is as large as it may be: nothing more is kept")

    async def until_stopped(self) -> None:
        """Wait for Ctrl-C, or for what ends it otherwise."""
        try:
            await self._stop.wait()
        except asyncio.CancelledError:
            # Ctrl-C and SIGTERM are how this command ends.
            return
        if self._error is not None:
            raise self._error

    def end(self, refusals: Refusals, wanted: Wanted) -> None:
        """Say what came."""
        out = self._out
        came = counted(self._events, "event" if self._is_verified else "unverified delivery")
        out.note(f"smm: stopped; {came}, {refusals.total} refused")
        if wanted.record is not None:
            out.note(f"  -> smm webhook learn {shlex.quote(str(wanted.record))}")
        elif refusals.total and not self._events:
            out.note("  -> if the panel sent them, it signs in another way: --record one, then `smm webhook learn`")
