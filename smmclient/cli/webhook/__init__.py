"""``smm webhook``: what a panel pushes. Nothing of `smmclient.webhooks` is imported before a command runs."""

from __future__ import annotations

from cyclopts import App

from smmclient.cli.webhook import commands

__all__ = ["webhook"]

webhook = App(
    name="webhook",
    help="Events that a panel pushes: registered, received, and proven to be the panel's own.\n\n"
    "The secret that `add` shows once goes into the environment (NOTPANEL_WEBHOOK_SECRET …) or into a profile "
    "(webhook_secret), several separated by commas; never into an argument. `listen` receives, `learn` finds out how "
    "a panel signs.",
    help_format="plaintext",
)

webhook.command(commands.add)
webhook.command(commands.list_, name="list")
webhook.command(commands.remove)
webhook.command(commands.listen)
webhook.command(commands.learn)
