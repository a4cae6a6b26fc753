"""Options about webhooks that several commands share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from smmclient.cli.outcome import CallError
from smmclient.cli.session import Access

if TYPE_CHECKING:
    from cyclopts import Token

    from smmclient.webhooks import Scheme

__all__ = ["Address", "Listening", "SchemeFile", "Whose", "read_scheme"]


def _address(hint: object, tokens: Sequence[Token]) -> str:
    text = tokens[0].value
    if _parts_of(text) is None:
        raise ValueError(f"{text[:60]!r} is neither PORT nor HOST:PORT, such as 8787 or 127.0.0.1:8787")
    return text


def _parts_of(text: str) -> tuple[str, int] | None:
    host, colon, port = text.rpartition(":")
    if not (port.isascii() and port.isdigit() and len(port) <= 5) or (colon and not host):
        return None
    is_bracketed = host.startswith("[") and host.endswith("]")
    if ":" in host and not is_bracketed:
        return None
    return host.strip("[]") or "127.0.0.1", int(port)


Address = Annotated[str, Parameter(converter=_address)]
SchemeFile = Annotated[
    Path | None, Parameter(help="How the panel signs, as `smm webhook learn --save` writes it; else our defaults.")
]


@Parameter(name="*")
@dataclass(frozen=True)
class Listening:
    """A receiver of pushes beside what a command does."""

    listen: Annotated[
        Address | None,
        Parameter(help="Take the panel's webhooks at [HOST:]PORT meanwhile, and ask less often: see `smm webhook`."),
    ] = None
    scheme: SchemeFile = None

    def where(self) -> tuple[str, int] | None:
        """The host and port to listen on; None where nobody wants to."""
        if self.listen is None:
            if self.scheme is not None:
                raise CallError("--scheme is given, and no --listen", hint="nothing was sent; give --listen PORT, too")
            return None
        return _parts_of(self.listen)


@Parameter(name="*")
@dataclass(frozen=True)
class Whose:
    """Whose webhooks they are, where the panel itself is not called."""

    panel: Annotated[str | None, Parameter(help="The panel's name, or a profile's. [env: SMM_PANEL]")] = None
    profile: Annotated[
        str | None, Parameter(help="A table of the profile file (panel, webhook_secret). [env: SMM_PROFILE]")
    ] = None
    json: Annotated[bool, Parameter(help="Write JSON to stdout, errors too.", negative="", show_default=False)] = False

    def access(self) -> Access:
        """The same as the options of a command that calls the panel."""
        return Access(self.panel, self.profile, None, self.json)


def read_scheme(path: Path | None) -> Scheme:
    """The scheme of the file, or our own; raises a `UsageError` that names what is wrong with the file."""
    from smmclient.webhooks import Scheme, load_scheme

    return Scheme() if path is None else load_scheme(path)
