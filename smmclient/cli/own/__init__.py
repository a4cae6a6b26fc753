"""``smm panels``: panels of the user's own, as data in a file. Nothing of them is imported before a command runs."""

from __future__ import annotations

from cyclopts import App

from smmclient.cli.own import commands

__all__ = ["panels"]

panels = App(
    name="panels",
    help="Panels of your own: a name, an address, and the knobs in which they differ from the convention.\n\n"
    "Each is known by its name to every command, and to files of orders, from then on.",
    help_format="plaintext",
)

panels.command(commands.add)
panels.command(commands.list_, name="list")
panels.command(commands.try_, name="test")
panels.command(commands.remove)
