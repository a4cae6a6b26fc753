"""The panels of a run by name, connected when they are first asked for."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Self

from attrs import evolve

from smmclient.cli.outcome import CallError
from smmclient.cli.profiles import Account, has_profile, profiles_path, resolve
from smmclient.cli.session import Access, Session

if TYPE_CHECKING:
    from smmclient.bulk import Bound
    from smmclient.events import Event
    from smmclient.provider import Provider
    from smmclient.settings import Settings

__all__ = ["Connections"]


class Connections(Mapping[str, "Provider"]):
    """Providers by the name that a run's rows have: a provider's, or else a profile's.

    A name that is neither is not in it; one that cannot be connected to (no key …) raises what `connect` does. Use it
    as an async context manager: it closes what it connected to.
    """

    def __init__(
        self,
        session: Session,
        access: Access,
        settings: Settings,
        *,
        on_event: Callable[[str, Event], None] | None = None,
    ) -> None:
        self._session, self._access, self._settings, self._on_event = session, access, settings, on_event
        self._made: dict[str, Provider] = {}
        self._kept: dict[str, Bound] = {}
        self._aim: str | None = None
        self._has_aim = False
        self._profile = access.profile
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    # ------------------------------------------------------------------------------------- whom the options name

    def default(self) -> str | None:
        """The name that rows without a panel go to, as options and environment have it. Raises if it is none."""
        access, environ = self._access, self._session.environ
        if access.profile is None and access.panel is None:
            self._profile = environ.get("SMM_PROFILE") or None
        name = self._profile or access.panel or environ.get("SMM_PANEL") or None
        if name is None and access.base_url is not None:
            raise CallError("--base-url is given, and no panel", hint="say whose address it is with --panel NAME")
        self._aim, self._has_aim = name, True
        if access.profile is not None or access.panel is not None:
            self._account(name or "")
        return name

    def keep(self, bound: Mapping[str, Bound]) -> None:
        """Take the names of a run that has begun, with the addresses that it was begun with."""
        self._kept = dict(bound)
        if self._has_aim:
            return
        access = self._access
        if access.panel is not None and access.panel in bound:
            self._aim = access.panel
        elif access.panel is not None:
            raise CallError(
                f"the run has no panel {access.panel!r}", hint=f"nothing was sent; it has {', '.join(bound) or 'none'}"
            )
        elif access.profile is None and access.base_url is None:
            return
        elif access.profile is not None and access.profile in bound:
            self._aim = access.profile
        elif len(bound) == 1:
            (self._aim,) = bound
        else:
            raise CallError(
                f"the run has {len(bound)} panels: {', '.join(bound)}",
                hint="nothing was sent; say with --panel which of them the address or profile is for",
            )
        self._has_aim = True

    def account(self, name: str) -> Account:
        """The account that the name stands for; raises `UsageError`s for one of nobody's."""
        if not self._is_known(name):
            raise self._session.unknown(name)
        return self._account(name)

    def _account(self, name: str) -> Account:
        account = self._aimed(name) if self._has_aim and name == self._aim else self._named(name)
        kept = self._kept.get(name)
        is_given = self._access.base_url is not None and name == self._aim
        if kept is None or kept.base_url is None or is_given:
            return account
        return evolve(account, base_url=kept.base_url)

    def _aimed(self, name: str) -> Account:
        """The account that the options are for."""
        access = self._access
        if self._profile is None:
            account = self._named(name)
        else:
            kept = self._kept.get(name)
            panel = access.panel if kept is None else kept.provider
            account = resolve(self._session.environ, panel=panel, profile=self._profile)
        return account if access.base_url is None else evolve(account, base_url=access.base_url)

    def _named(self, name: str) -> Account:
        """The account behind a name: the provider's with the key in the environment, or a profile's."""
        environ, kept = self._session.environ, self._kept.get(name)
        if kept is None or self._session.knows(name) or has_profile(environ, name):
            return self._session.account(name)
        if kept.provider != name:
            raise CallError(
                f"the run's panel {name!r} was a profile for {kept.provider}, and there is none of that name in "
                f"{profiles_path(environ)}",
                hint=f"nothing was sent; write it again, or name another one: --panel {name} --profile NAME",
            )
        raise CallError(
            f"the run's panel {name!r} is no longer known: it was a panel of your own, or of a package",
            hint="nothing was sent; add it again: "
            + shlex.join(["smm", "panels", "add", name, "--base-url", kept.base_url or "https://…"]),
        )

    # ------------------------------------------------------------------------------------------------ the mapping

    def __getitem__(self, name: str) -> Provider:
        made = self._made.get(name)
        if made is None:
            if not self._is_known(name):
                raise KeyError(name)
            made = self._session.connect_account(self._account(name), self._settings_of(name))
            self._made[name] = made
            self._stack.push_async_callback(made.aclose)
        return made

    def _is_known(self, name: str) -> bool:
        if not name:
            return False
        is_aimed = self._has_aim and name == self._aim
        return is_aimed or name in self._kept or self._session.knows(name) or has_profile(self._session.environ, name)

    def _settings_of(self, name: str) -> Settings:
        tell = self._on_event
        if tell is None:
            return self._settings
        return evolve(self._settings, on_event=lambda event: tell(name, event))

    def __iter__(self) -> Iterator[str]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)
