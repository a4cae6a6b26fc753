"""``smm bulk``: files of orders, placed so that nothing is lost and nothing is ordered twice.

Nothing of `smmclient.bulk` is imported before a command runs.
"""

from __future__ import annotations

from cyclopts import App

from smmclient.cli.bulk import commands

__all__ = ["bulk"]

bulk = App(
    name="bulk",
    help="Files of orders, placed through anything: cut off, it goes on where it stopped.\n\n"
    "A run is a file of its own (--run) that knows what became of each row. Begin with `smm bulk check FILE`.",
    help_epilogue="Exit codes: 0 done, 2 wrong call or a file that cannot be used, 3 rows are refused or invalid, "
    "4 rows wait (a panel stopped, a money guard, another process), 5 rows are in doubt, 130 stopped. The worst "
    "decides: 130, then 5, 4, 3; it is that of the whole run as it stands. `follow` and `show` end in 0 even so.",
    help_format="plaintext",
)

for command in (
    commands.check,
    commands.place,
    commands.resume,
    commands.follow,
    commands.show,
    commands.doubt,
    commands.resolve,
    commands.export,
):
    bulk.command(command)
