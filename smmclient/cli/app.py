"""The application ``smm``: its commands under their names."""

from __future__ import annotations

from cyclopts import App

from smmclient.cli import commands, comparing, placing
from smmclient.cli.bulk import bulk
from smmclient.cli.own import panels
from smmclient.cli.webhook import webhook

__all__ = ["app"]


def _version() -> str:
    from importlib.metadata import version

    return version("smmclient")


app = App(
    name="smm",
    help="Orders, statuses and balances of SMM panels.\n\n"
    "Keys come from the environment (NOTPANEL_API_KEY, PANELBON_API_KEY …) or from a profile file, never from an "
    "argument. Try `smm demo` first: it needs neither.",
    help_epilogue="Exit codes: 0 done, 2 wrong call, 3 the panel said no, 4 try later, 5 outcome unknown, 130 stopped.",
    version=_version,
    help_format="plaintext",
)


for command in (
    commands.providers,
    commands.services,
    comparing.compare,
    commands.balance,
    placing.order,
    commands.status,
    commands.track,
    commands.refill,
    commands.refill_status,
    commands.cancel,
    commands.sandbox,
    commands.demo,
):
    app.command(command)

app.command(bulk)
app.command(panels)
app.command(webhook)
