"""A receiver beside the following of orders: what is pushed ends the wait, and polling is left as the safety net."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

from smmclient.cli.outcome import CallError
from smmclient.cli.output import Out
from smmclient.cli.profiles import Account, no_secret, webhook_secrets
from smmclient.cli.webhook.choices import Listening, read_scheme
from smmclient.cli.webhook.lines import counted
from smmclient.cli.webhook.refusals import Refusals
from smmclient.cli.webhook.support import check_server, may_push
from smmclient.webhooks import Pushes, Scheme, WebhookApp

if TYPE_CHECKING:
    from smmclient.tracking import Tally
    from smmclient.webhooks.bodies import App

__all__ = ["Beside", "opened", "tally_lines"]


@contextmanager
def opened(out: Out, choice: Listening | None) -> Iterator[Beside | None]:
    """A receiver at the port that the options name, open from now on; None where they name none.

    Raises `UsageError`s for a missing server, a scheme that cannot be read, and a port that is taken.
    """
    where = None if choice is None else choice.where()
    if choice is None or where is None:
        yield None
        return
    check_server()
    scheme = read_scheme(choice.scheme)
    from smmclient.cli.webhook.receiver import bound

    with bound(*where) as sock:
        yield Beside(out, sock, scheme)


class Beside:
    """A receiver with a path for each panel: ``/NAME``, and ``/`` as well where there is one alone."""

    def __init__(self, out: Out, sock: socket.socket, scheme: Scheme) -> None:
        self._out, self._sock, self._scheme = out, sock, scheme
        self._paths: dict[str, App] = {}
        self._refusals = Refusals(self._note, is_brief=True)
        #: Those of each panel that pushes, by its name.
        self.pushes: dict[str, Pushes] = {}

    def lead(self, accounts: Mapping[str, Account], environ: Mapping[str, str]) -> None:
        """Make a receiver for each panel that pushes; a `UsageError` where a secret is missing, or none pushes.

        A panel that documents no webhooks is polled alone, unless there is a secret for it.
        """
        polled: list[str] = []
        for name, account in accounts.items():
            secrets = webhook_secrets(environ, account)
            if secrets:
                self.pushes[name] = Pushes()
                self._paths[f"/{name}"] = WebhookApp(secrets, pushes=self.pushes[name], scheme=self._scheme)
            elif may_push(account.panel):
                raise no_secret(environ, account.panel)
            else:
                polled.append(name)
        if not self.pushes and accounts:
            told = " and ".join(polled)
            raise CallError(f"--listen: {told} documents no webhooks", hint="nothing was sent; leave --listen out")
        for name in polled:
            self._out.note(f"smm: {name} documents no webhooks: it is asked as often as without --listen")

    @asynccontextmanager
    async def listening(self, tell: Callable[[str], None] | None = None) -> AsyncIterator[None]:
        """A context in which deliveries are received; ``tell`` gets what should be read at once."""
        from smmclient.cli.webhook.receiver import Paths, address_of, serving

        if not self.pushes:
            yield
            return
        paths = dict(self._paths)
        if len(paths) == 1:
            paths["/"] = next(iter(paths.values()))
        for name in self.pushes:
            self._note(f"listening for {name} at {address_of(self._sock)}/{name}")
        with self._refusals:
            self._refusals.tell = tell or self._note
            try:
                async with serving(Paths(paths), self._sock):
                    yield
            finally:
                self._refusals.tell = self._note

    @property
    def refused(self) -> int:
        """How many deliveries were refused."""
        return self._refusals.total

    def lines(self, tallies: Mapping[str, Tally]) -> Iterator[str]:
        """What the pushes have saved, a line a panel, and what was refused."""
        yield from tally_lines({name: tally for name, tally in tallies.items() if name in self.pushes})
        for text, count in self._refusals.counts.most_common():
            yield f"{count}x {text}"

    def _note(self, text: str) -> None:
        self._out.note(f"smm: {text}")


def tally_lines(tallies: Mapping[str, Tally]) -> Iterator[str]:
    """What following has cost each panel, and what pushes have saved."""
    for name, tally in tallies.items():
        saved = f"about {counted(abs(tally.saved), 'look')} {'saved' if tally.saved >= 0 else 'more than without'}"
        yield f"{name}: {counted(tally.requests, 'request')}, {counted(tally.pushed, 'event')} pushed, {saved}"
