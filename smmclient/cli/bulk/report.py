"""What a check of a file found, as people, pipes and programs see it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from smmclient.bulk import PanelCost, Problem, Report
from smmclient.cli.bulk.standing import amount, count_of
from smmclient.cli.output import Out
from smmclient.cli.plain import money

__all__ = ["Findings", "show_report"]

#: Problems that are shown to people; pipes and programs get all.
_MOST = 50
#: Services that are shown to people.
_MOST_SERVICES = 20


class Findings:
    """Shows the problems of a file while it is checked."""

    def __init__(self, out: Out) -> None:
        self._out = out
        self._count = 0

    async def note(self, problem: Problem) -> None:
        """Show a problem; on a terminal only the first ones."""
        self._count += 1
        out = self._out
        if out.json:
            out.write_json(
                {
                    "event": "RowInvalid",
                    "panel": problem.panel,
                    "ref": problem.ref,
                    "line": problem.line,
                    "reason": problem.reason,
                },
                is_line=True,
            )
        elif not out.is_terminal or self._count <= _MOST:
            out.line(f"line {problem.line}: {problem.reason}")

    def end(self) -> None:
        """Say how many were not shown."""
        if self._out.is_terminal and self._count > _MOST:
            self._out.line(f"and {self._count - _MOST} more; `smm bulk check … | cat` shows all of them")


def show_report(out: Out, report: Report) -> None:
    """Write the counts, the costs by panel and service, and how they compare with the balances."""
    if out.json:
        out.write_json(_as_json(report), is_line=True)
        return
    for line in _counts(report):
        out.line(line)
    if not report.services:
        return
    out.line("")
    services = report.services[:_MOST_SERVICES] if out.is_terminal else report.services
    out.table(
        ("panel", "service", "name", "rows", "cost"),
        [(one.panel, one.service, one.name, one.rows, _cost(one.cost, one.unpriced)) for one in services],
    )
    if len(services) < len(report.services):
        out.line(f"and {len(report.services) - len(services)} more services")
    out.line("")
    for panel in report.panels:
        for line in _against(panel):
            out.line(line)


def _counts(report: Report) -> Iterator[str]:
    known = f", {report.known} known to the run" if report.known else ""
    yield f"{report.source}: {count_of(report.rows, 'row')}, {report.good} good{known}, {report.bad} bad"
    if report.twins:
        yield f"{count_of(report.twins, 'twin')} of another row let in"
    for reason, count in report.held_because.items():
        yield f"{count_of(count, 'row')} would be held: {reason}"


def _cost(cost: Decimal, unpriced: int) -> str:
    text = amount(cost)
    return f"{text} + {count_of(unpriced, 'row')} of unknown cost" if unpriced else text


def _against(one: PanelCost) -> Sequence[str]:
    balance = one.balance
    currency = None if balance is None else balance.currency
    told = f"{one.panel}: {count_of(one.rows, 'order')} for {amount(one.cost, currency)}"
    lines = [told]
    if one.unpriced:
        lines.append(f"  and what {one.unpriced} of them cost is known only once they are placed")
    if balance is None:
        lines.append(f"  its balance is not known: {one.problem}")
        return lines
    age = f", a figure up to {balance.max_age:g} s old" if balance.max_age else ""
    lines[0] += f"; the account holds {amount(balance.amount, currency)}{age}"
    if not one.is_covered:
        lines.append(f"  {amount(one.cost - balance.amount, currency)} too little: top up, or it stops on the way")
    return lines


def _as_json(report: Report) -> dict[str, object]:
    return {
        "event": "Checked",
        "source": report.source,
        "rows": report.rows,
        "good": report.good,
        "known": report.known,
        "bad": report.bad,
        "held": report.held,
        "held_because": dict(report.held_because),
        "twins": report.twins,
        "services": [
            {
                "panel": one.panel,
                "service": one.service,
                "name": one.name,
                "rows": one.rows,
                "cost": money(one.cost),
                "unpriced": one.unpriced,
            }
            for one in report.services
        ],
        "panels": [
            {
                "panel": one.panel,
                "rows": one.rows,
                "cost": money(one.cost),
                "unpriced": one.unpriced,
                "balance": None if one.balance is None else money(one.balance.amount),
                "currency": None if one.balance is None else one.balance.currency,
                "is_covered": one.is_covered,
                "problem": one.problem,
            }
            for one in report.panels
        ],
    }
