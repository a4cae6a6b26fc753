"""What must be there before webhooks can be received: the server, and a panel that pushes."""

from __future__ import annotations

from smmclient.cli.outcome import CallError
from smmclient.dialect import Dialect, Support
from smmclient.errors import ProviderLoadError
from smmclient.registry import load

__all__ = ["check_pushes", "check_server", "may_push"]


def check_server() -> None:
    """Raise a `UsageError` that says what to install where there is no server to receive with."""
    try:
        import uvicorn  # noqa: F401
    except ImportError as missing:
        raise CallError(
            "receiving webhooks needs one more package", hint='pip install "smmclient[cli,sandbox]"'
        ) from missing


def may_push(panel: str) -> bool:
    """Whether the panel documents webhooks, or nobody knows whether it has them."""
    try:
        found = load(panel)
    except ProviderLoadError:
        return True
    return not (isinstance(found, Dialect) and found.capabilities.webhooks is Support.NO)


def check_pushes(panel: str) -> None:
    """Raise a `UsageError` where the panel has no webhooks."""
    if not may_push(panel):
        raise CallError(f"{panel} documents no webhooks", hint="nothing was sent; `smm providers` shows who has them")
