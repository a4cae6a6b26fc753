"""``smm bulk place``, ``resume`` and ``follow``: a run is opened, its panels connected, its end summed up."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack, nullcontext, suppress
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from smmclient.bulk import Report, SqliteJournal, admit
from smmclient.bulk.account import bind_accounts
from smmclient.cli.bulk.asking import ask
from smmclient.cli.bulk.checks import file_errors, open_source
from smmclient.cli.bulk.choices import Guards, Way
from smmclient.cli.bulk.connections import Connections
from smmclient.cli.bulk.ending import Ending, Heard, show_ending
from smmclient.cli.bulk.progress import Progress
from smmclient.cli.bulk.report import Findings, show_report
from smmclient.cli.bulk.stages import Stages
from smmclient.cli.bulk.standing import Standing, amount, count_of, stand
from smmclient.cli.bulk.stopping import Stopper
from smmclient.cli.outcome import INTERRUPTED, REFUSED, CallError
from smmclient.cli.session import Access, Session
from smmclient.cli.webhook.beside import Beside, opened
from smmclient.cli.webhook.choices import Listening
from smmclient.errors import JournalError, UsageError

if TYPE_CHECKING:
    from smmclient.provider import Provider
    from smmclient.settings import Limit

__all__ = ["Plan", "connect_run", "place_file", "resume_run"]


@frozen(kw_only=True)
class Plan:
    """A run's file, and the options that are the same for all commands on it."""

    run: Path
    access: Access
    guards: Guards
    way: Way
    every: int | None


async def place_file(
    session: Session,
    file: Path,
    plan: Plan,
    *,
    is_strict: bool,
    may_add: bool,
    allow_twins: bool,
    is_agreed: bool,
    with_follow: bool,
    listening: Listening | None = None,
) -> int:
    """Check a file, keep it in the run, and place what waits there."""
    progress = Progress()
    panels = _panels(session, plan, progress)
    default, source = panels.default(), open_source(file)
    if may_add and not plan.run.exists():
        raise CallError(
            f"--add: there is no run {plan.run} whose rows this file would be added to",
            hint="nothing was sent; name the run's file, or leave --add out to begin a new one",
        )
    async with AsyncExitStack() as stack:
        beside = stack.enter_context(opened(session.out, listening))
        journal = await stack.enter_async_context(await SqliteJournal.open(plan.run, may_create=True))
        await stack.enter_async_context(panels)
        agreement = _Agreement(
            session,
            await stand(journal),
            is_strict=is_strict,
            is_agreed=is_agreed,
            has_guard=plan.guards.budget().is_set,
        )
        try:
            with file_errors():
                await admit(
                    source,
                    journal,
                    panels,
                    panel=default,
                    budget=plan.guards.budget(),
                    allow_twins=allow_twins,
                    may_add=may_add,
                    is_same_account=plan.way.same_account,
                    agree=agreement.agree,
                    on_problem=agreement.findings.note,
                )
        except UsageError:
            if agreement.refusal is None:
                raise
            return agreement.refusal
        return await _go_on(session, journal, panels, plan, progress, with_follow=with_follow, beside=beside)


async def resume_run(
    session: Session, plan: Plan, *, is_placing: bool = True, with_follow: bool, listening: Listening | None
) -> int:
    """Place what waits in the run, follow its orders, or both, listening to what the panels push if that is wanted."""
    progress = Progress()
    panels = _panels(session, plan, progress)
    with opened(session.out, listening) as beside:
        async with await SqliteJournal.open(plan.run) as journal, panels:
            return await _go_on(
                session, journal, panels, plan, progress, is_placing=is_placing, with_follow=with_follow, beside=beside
            )


def _panels(session: Session, plan: Plan, progress: Progress) -> Connections:
    plan.way.pace()  # says what is wrong with it before a run is opened
    return Connections(session, plan.access, plan.way.settings(), on_event=progress.attempted)


class _Agreement:
    """Shows the report of a file, and asks before its orders are kept."""

    def __init__(
        self, session: Session, before: Sequence[Standing], *, is_strict: bool, is_agreed: bool, has_guard: bool
    ) -> None:
        self._out = session.out
        self._before, self._is_strict, self._is_agreed = before, is_strict, is_agreed
        self._has_guard = has_guard
        self.findings = Findings(session.out)
        #: The exit code, where the file was not taken.
        self.refusal: int | None = None

    async def agree(self, report: Report) -> bool:
        """Whether to go on; ``refusal`` says why not."""
        out = self._out
        self.findings.end()
        show_report(out, report)
        if self._is_strict and report.bad:
            out.note(f"smm: --strict: {report.bad} rows are bad, so nothing was kept and nothing was sent")
            out.note("  -> mend the file, then run the same command again")
            self.refusal = REFUSED
        elif not await self._is_confirmed(report):
            out.note("smm: nothing was kept, nothing was sent")
            self.refusal = INTERRUPTED
        return self.refusal is None

    async def _is_confirmed(self, report: Report) -> bool:
        if self._is_agreed or not self._out.is_terminal:
            return True
        question = self._question(report)
        return question is None or await ask(question)

    def _question(self, report: Report) -> str | None:
        """What would be placed: the good rows, and those that wait in the run already."""
        currencies = {one.panel: one.currency for one in self._before}
        sums = {one.panel: (one.pending, one.waiting, one.waiting_unpriced) for one in self._before if one.pending}
        for panel in report.panels:
            rows, cost, unpriced = sums.get(panel.panel, (0, Decimal(0), 0))
            if panel.balance is not None:
                currencies[panel.panel] = panel.balance.currency
            if rows + panel.rows:
                sums[panel.panel] = (rows + panel.rows, cost + panel.cost, unpriced + panel.unpriced)
        if not sums:
            return None
        up_to = "up to " if self._has_guard else ""
        parts: list[str] = []
        for name, (rows, cost, unpriced) in sorted(sums.items()):
            unknown = f" and {count_of(unpriced, 'unknown price')}" if unpriced else ""
            price = f"{up_to}{amount(cost, currencies.get(name))}{unknown}"
            parts.append(f"{up_to}{count_of(rows, 'order')} for {price} on {name}")
        return f"Place {', '.join(parts)}?"


async def connect_run(
    journal: SqliteJournal, panels: Connections, names: Sequence[str], *, is_same_account: bool
) -> dict[str, Provider]:
    """The providers of a run's panels; the run is bound to their accounts, whose key goes nowhere else."""
    panels.keep({one.panel: one for one in await journal.bound()})
    found: dict[str, Provider] = {}
    for name in names:
        try:
            found[name] = panels[name]
        except KeyError:
            raise CallError(
                f"the run has rows for {name!r}, which is neither a provider nor a profile",
                hint="nothing was sent; write the profile again",
            ) from None
    await bind_accounts(journal, found, is_same_account=is_same_account)
    return found


async def _go_on(
    session: Session,
    journal: SqliteJournal,
    panels: Connections,
    plan: Plan,
    progress: Progress,
    *,
    with_follow: bool,
    is_placing: bool = True,
    beside: Beside | None = None,
) -> int:
    before = await stand(journal)
    to_place = [one.panel for one in before if is_placing and (one.pending or one.in_doubt)]
    to_follow = [one.panel for one in before if with_follow and one.open_orders]
    names = sorted({*to_place, *to_follow})
    if beside is not None:
        panels.keep({one.panel: one for one in await journal.bound()})
        beside.lead({name: panels.account(name) for name in names}, session.environ)
    providers = await connect_run(journal, panels, names, is_same_account=plan.way.same_account)
    for name, provider in providers.items():
        progress.panel(name).limits = _limits(provider)
    if not names and not session.out.json:
        session.out.line("nothing waits to be sent" if is_placing else "no order is to be followed")
    stopper, ending = Stopper(journal), Ending(plan.run, is_placing=is_placing)
    stages = Stages(session.out, journal, plan, progress, stopper=stopper, ending=ending)
    placing = {name: providers[name] for name in to_place}
    with stopper.listening():
        try:
            follower = None
            # From before the first row: a panel gives up on pushes that nobody takes. What comes before an order is
            # followed can be dropped, because following asks the panel first.
            async with nullcontext() if beside is None else beside.listening(stages.note):
                if placing:
                    await stages.place(placing, before)
                if with_follow and not stopper.is_stopped:
                    follower = await stages.follow(providers, None if beside is None else beside.pushes)
            if beside is not None and follower is not None:
                ending.heard = Heard.of(beside, follower)
        except JournalError as failure:
            # Said at once, and again by the exit code: the sums below are what can still be read.
            ending.failed = session.tell(failure)
        with suppress(*((JournalError,) if ending.failed is not None else ())):
            ending.standings = await stand(journal)
        ending.is_stopped = stopper.is_stopped
        return show_ending(session.out, ending)


def _limits(provider: Provider) -> Sequence[Limit]:
    own = provider.settings.limits
    documented: Sequence[Limit] = getattr(getattr(provider, "dialect", None), "limits", ())
    return documented if own is None else own
