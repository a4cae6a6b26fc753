"""One run of ``smm``: its arguments and environment, its output, and the orders it was cut off from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

from cyclopts import Parameter

from smmclient.cli.outcome import SetupError, UnknownPanel, advice, exit_code, mending
from smmclient.cli.output import Out
from smmclient.cli.plain import problem
from smmclient.cli.profiles import Account, account_of, has_profile, profiles_path, resolve
from smmclient.errors import ConfigError, Malformed, OutcomeUnknown, Refused, SMMError
from smmclient.events import Event, OrderInDoubt

if TYPE_CHECKING:
    from smmclient.provider import Provider
    from smmclient.settings import Settings

__all__ = ["Access", "Session"]


@Parameter(name="*")
@dataclass(frozen=True)
class Access:
    """The options that every command on a panel takes."""

    panel: Annotated[str | None, Parameter(help="The panel's name, or a profile's. [env: SMM_PANEL]")] = None
    profile: Annotated[
        str | None, Parameter(help="A table of the profile file (panel, base_url, api_key). [env: SMM_PROFILE]")
    ] = None
    base_url: Annotated[
        str | None, Parameter(help="The panel's whole address (https://…/api/v2), where it is not the usual one.")
    ] = None
    json: Annotated[bool, Parameter(help="Write JSON to stdout, errors too.", negative="", show_default=False)] = False


class Session:
    """What a command needs beside its options."""

    def __init__(self, tokens: Sequence[str], environ: Mapping[str, str], out: Out) -> None:
        self.tokens = tuple(tokens)
        self.out = out
        self.in_doubt: list[OrderInDoubt] = []
        self.environ = environ
        self._has_learnt = False
        #: The address of the panel that was connected to last.
        self._asked: str | None = None
        #: Whether there is a file of panels; it is asked for once a name is not known without it.
        self._has_file = False

    def connect(self, access: Access | None) -> Provider:
        """The provider that the options, the profile and the environment name."""
        from smmclient.settings import Settings

        return self.connect_account(self.account_of(access), Settings(on_event=self._note))

    def account_of(self, access: Access | None) -> Account:
        """The account that the options, the profile and the environment name; whether it has a key is not asked."""
        access = access or Access()
        account = resolve(
            self.environ, panel=access.panel, profile=access.profile, base_url=access.base_url, named=self.account
        )
        if not self.knows(account.panel):
            raise self.unknown(account.panel)
        return account

    def account(self, name: str) -> Account:
        """Whose account a name on its own means: a panel's (see `account_of`), or else a profile's."""
        if self.knows(name):
            return account_of(self.environ, name)
        if has_profile(self.environ, name):
            return resolve(self.environ, profile=name)
        raise self.unknown(name)

    def unknown(self, name: str) -> UnknownPanel:
        """The error for a name that is neither a panel's nor a profile's."""
        from smmclient.panelfile import panels_path
        from smmclient.registry import nearest, providers

        told = f"{name!r} is neither a provider nor a profile"
        if (close := nearest(name)) is not None:
            told += f": did you mean {close!r}?"
        if self.environ.get("SMM_PANELS") and not self._has_file:
            told += f" (SMM_PANELS names a file that is not there: {panels_path(self.environ)})"
        hint = f"nothing was sent; `smm providers` lists the names: {', '.join(providers())}"
        return UnknownPanel(told, hint=hint)

    def knows(self, name: str) -> bool:
        """Whether a provider has the name: one that is installed, or one of the user's file of panels."""
        from smmclient.registry import providers

        if name not in providers() and not self._has_learnt:
            self.learn_panels()
        return name in providers()

    def learn_panels(self) -> None:
        """Make the panels of the user's file known, if there is one."""
        from smmclient.panelfile import load_panels, panels_path
        from smmclient.places import is_there

        path = panels_path(self.environ)
        self._has_file = is_there(path)
        if self._has_file:
            with mending(path):
                load_panels(path)
        self._has_learnt = True

    def connect_account(self, account: Account, settings: Settings) -> Provider:
        """The provider of that account, set up so."""
        import smmclient
        from smmclient.registry import env_name

        name = account.panel
        if not self.knows(name):
            raise self.unknown(name)
        if account.api_key is None and not self.environ.get(env_name(name)):
            raise SetupError(
                f"there is no key for {name}",
                hint=f"nothing was sent; put it into {env_name(name)}, or into a profile of "
                f'{profiles_path(self.environ)}: panel = "{name}", api_key = "…"',
            )
        provider = smmclient.connect(name, api_key=account.api_key, base_url=account.base_url, settings=settings)
        self._asked = provider.base_url
        return provider

    def tell(self, error: SMMError) -> int:
        """Tell what went wrong and what to do now; return the exit code."""
        hint = self._hint(error)
        if not self.out.json:
            return self.out.error(error, hint=hint)
        code = exit_code(error)
        self.write_error({**problem(error, exit_code=code), "hint": hint})
        return code

    def _hint(self, error: SMMError) -> str:
        address = self._asked
        if address is not None and _is_no_api(error):
            if not urlsplit(address).path.strip("/"):
                return (
                    f"{address} was asked: most panels answer at {address.rstrip('/')}/api/v2; give the whole address"
                )
            if not isinstance(error, Malformed):
                return f"{address} was asked: see that it is the address of the panel's API"
        return advice(error, self.tokens)

    def write_error(self, told: Mapping[str, object]) -> None:
        """Write an error as JSON; what ``smm bulk`` writes is a stream of lines to its very end, and so on."""
        is_stream = self.tokens[:1] == ("bulk",) or self.tokens[:2] == ("webhook", "listen")
        self.out.write_json({"event": "Failed", "error": told} if is_stream else {"error": told}, is_line=is_stream)

    def _note(self, event: Event) -> None:
        if isinstance(event, OrderInDoubt):
            self.in_doubt.append(event)

    def doubts(self) -> list[OutcomeUnknown]:
        """An error for each call that was cut off after the panel may have received it."""
        return [
            OutcomeUnknown(
                f"stopped while the call was on its way, so it may have been acted upon{_named(event)}",
                safe_to_repeat=event.safe_to_repeat,
                provider=event.provider,
                operation=event.operation,
                request_id=event.request_id,
            )
            for event in self.in_doubt
        ]


def _is_no_api(error: SMMError) -> bool:
    """Whether the answer is what an address without an API gives."""
    if isinstance(error, ConfigError):
        return error.operation is not None
    return isinstance(error, Malformed) or (type(error) is Refused and error.http_status in (404, 405))


def _named(event: OrderInDoubt) -> str:
    if event.request_id is not None:
        return f" (request_id {event.request_id})"
    if isinstance(event.order, (list, tuple)):
        return f" (orders {', '.join(str(one) for one in event.order)})"
    return f" ({event.order})"
