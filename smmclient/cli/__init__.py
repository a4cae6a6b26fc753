"""The command ``smm``: orders, statuses and balances of any panel from a terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``smm`` with these arguments, or with the process's own, and return the exit code."""
    try:
        import cyclopts  # noqa: F401
        import rich  # noqa: F401
    except ImportError:
        print('smm needs two more packages: pip install "smmclient[cli]"', file=sys.stderr)
        return 2
    from smmclient.cli.run import run

    return run(sys.argv[1:] if arguments is None else list(arguments))
