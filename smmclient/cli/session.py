"""One run of ``smm``: its arguments and environment, its output, and the orders it was cut off from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from smmclient.cli.outcome import advice, exit_code
from smmclient.cli.output import Out
from smmclient.cli.plain import problem
from smmclient.cli.profiles import Account, resolve
from smmclient.errors import OutcomeUnknown, SMMError
from smmclient.events import Event, OrderInDoubt

if TYPE_CHECKING:
    from smmclient.provider import Provider
    from smmclient.settings import Settings

__all__ = ["Access", "Session"]


@Parameter(name="*")
@dataclass(frozen=True)
class Access:
    """The options that every command on a panel takes."""

    panel: Annotated[str | None, Parameter(help="The panel's name. [env: SMM_PANEL]")] = None
    profile: Annotated[
        str | None, Parameter(help="A table of the profile file (panel, base_url, api_key). [env: SMM_PROFILE]")
    ] = None
    base_url: Annotated[str | None, Parameter(help="The panel's address, where it is not the usual one.")] = None
    json: Annotated[bool, Parameter(help="Write JSON to stdout, errors too.", negative="", show_default=False)] = False


class Session:
    """What a command needs beside its options."""

    def __init__(self, tokens: Sequence[str], environ: Mapping[str, str], out: Out) -> None:
        self.tokens = tuple(tokens)
        self.out = out
        self.in_doubt: list[OrderInDoubt] = []
        self.environ = environ
        self._has_learnt = False

    def connect(self, access: Access | None) -> Provider:
        """The provider that the options, the profile and the environment name."""
        from smmclient.settings import Settings

        access = access or Access()
        account = resolve(self.environ, panel=access.panel, profile=access.profile, base_url=access.base_url)
        return self.connect_account(account, Settings(on_event=self._note))

    def knows(self, name: str) -> bool:
        """Whether a provider has the name: one that is installed, or one of the user's file of panels."""
        from smmclient.registry import providers

        if name not in providers() and not self._has_learnt:
            self.learn_panels()
        return name in providers()

    def learn_panels(self) -> None:
        """Make the panels of the user's file known, if there is one."""
        from smmclient.panelfile import load_panels, panels_path

        path = panels_path(self.environ)
        if path.exists():
            load_panels(path)
        self._has_learnt = True

    def connect_account(self, account: Account, settings: Settings) -> Provider:
        """The provider of that account, set up so."""
        import smmclient

        self.knows(account.panel)
        return smmclient.connect(account.panel, api_key=account.api_key, base_url=account.base_url, settings=settings)

    def tell(self, error: SMMError) -> int:
        """Tell what went wrong and what to do now; return the exit code."""
        if not self.out.json:
            return self.out.error(error, self.tokens)
        code = exit_code(error)
        self.write_error({**problem(error, exit_code=code), "hint": advice(error, self.tokens)})
        return code

    def write_error(self, told: Mapping[str, object]) -> None:
        """Write an error as JSON; what ``smm bulk`` writes is a stream of lines to its very end."""
        is_stream = self.tokens[:1] == ("bulk",)
        self.out.write_json({"event": "Failed", "error": told} if is_stream else {"error": told}, is_line=is_stream)

    def _note(self, event: Event) -> None:
        if isinstance(event, OrderInDoubt):
            self.in_doubt.append(event)

    def doubts(self) -> list[OutcomeUnknown]:
        """An error for each call that was cut off after the panel may have received it."""
        return [
            OutcomeUnknown(
                f"stopped while the call was on its way, so it may have been acted upon{_named(event)}",
                safe_to_repeat=event.request_id is not None,
                provider=event.provider,
                operation=event.operation,
                request_id=event.request_id,
            )
            for event in self.in_doubt
        ]


def _named(event: OrderInDoubt) -> str:
    if event.request_id is not None:
        return f" (request_id {event.request_id})"
    if isinstance(event.order, (list, tuple)):
        return f" (orders {', '.join(str(one) for one in event.order)})"
    return f" ({event.order})"
