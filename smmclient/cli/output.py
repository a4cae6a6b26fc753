"""Where ``smm`` writes: tables for people on a terminal, tab-separated lines for pipes, JSON for programs.

Results go to stdout and nothing else does, but for errors under ``--json``. Everything that a panel may have
written passes through `clean` here, and is never read as rich markup.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, TextIO

from smmclient.cli.outcome import advice, exit_code
from smmclient.cli.plain import clean, problem, to_json

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from smmclient.errors import SMMError

__all__ = ["Out", "as_table"]

_NUMBER = re.compile(r"-?[\d.,]+( [A-Z]{3})?")


class Out:
    """One run's output, in one of the three forms."""

    def __init__(self, *, json: bool = False, stdout: TextIO | None = None, stderr: TextIO | None = None) -> None:
        self.json = json
        self._stdout = sys.stdout if stdout is None else stdout
        self._stderr = sys.stderr if stderr is None else stderr

    @property
    def is_terminal(self) -> bool:
        """Whether a person looks at stdout."""
        return not self.json and self._stdout.isatty()

    def console(self) -> Console:
        """A rich console on stdout, for what is shown live."""
        from rich.console import Console

        return Console(file=self._stdout, highlight=False)

    def write_json(self, value: object, *, is_line: bool = False) -> None:
        """Write the value as JSON; ``is_line`` puts it on one line, for a stream of them."""
        print(to_json(value, indent=None if is_line else 2), file=self._stdout, flush=True)

    def line(self, text: str) -> None:
        """Write one line for people or pipes, at once."""
        print(clean(text), file=self._stdout, flush=True)

    def row(self, cells: Sequence[object]) -> None:
        """Write one tab-separated line, at once."""
        print("\t".join("" if cell is None else clean(cell) for cell in cells), file=self._stdout, flush=True)

    def note(self, text: str) -> None:
        """Write one line beside the results, on stderr."""
        print(clean(text), file=self._stderr, flush=True)

    def table(
        self, headings: Sequence[str], rows: Sequence[Sequence[object]], *, only_piped: Collection[str] = ()
    ) -> None:
        """Write a table; columns in ``only_piped`` are left out on a terminal, where width is scarce."""
        texts = [["" if cell is None else clean(cell) for cell in row] for row in rows]
        if self.is_terminal:
            shown = [n for n, heading in enumerate(headings) if heading not in only_piped]
            self.console().print(as_table([headings[n] for n in shown], [[row[n] for n in shown] for row in texts]))
            return
        for line in (headings, *texts):
            self.row(line)

    def record(self, pairs: Sequence[tuple[str, object]]) -> None:
        """Write names and values, one pair on a line; pairs without a value are left out."""
        texts = [(name, clean(value)) for name, value in pairs if value not in (None, "")]
        width = max((len(name) for name, _ in texts), default=0)
        for name, value in texts:
            if self.is_terminal:
                # Not folded by us: what a terminal wraps by itself can still be copied in one piece.
                print(f"{name:<{width}}  {value}", file=self._stdout, flush=True)
            else:
                self.row((name, value))

    def error(self, error: SMMError, tokens: Sequence[str] = (), *, hint: str | None = None) -> int:
        """Tell what went wrong and what to do now; return the exit code."""
        code, hint = exit_code(error), hint or advice(error, tokens)
        if self.json:
            self.write_json({"error": {**problem(error, exit_code=code), "hint": hint}})
        else:
            self.note(f"smm: {error}")
            self.note(f"  -> {hint}")
        return code


def as_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """A rich table of texts that fits 80 columns; a column of numbers is set to the right."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    for n, heading in enumerate(headings):
        cells = [row[n] for row in rows if row[n]]
        is_number = bool(cells) and all(_NUMBER.fullmatch(cell) for cell in cells)
        # An id is there to be copied: the other columns give way to the first.
        least = max((len(cell) for cell in cells), default=0) if n == 0 else None
        table.add_column(Text(heading), justify="right" if is_number else "left", overflow="fold", min_width=least)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table
