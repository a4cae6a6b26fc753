"""The stages of a run on the command line, placing and following: each shown in a view of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from smmclient.bulk import Budget, Follower, PanelStopped, RowNotSaved, RowState, Runner, SqliteJournal
from smmclient.cli.bulk.ending import Ending
from smmclient.cli.bulk.plain_events import not_saved
from smmclient.cli.bulk.progress import Progress
from smmclient.cli.bulk.standing import Standing, stand
from smmclient.cli.bulk.stopping import Stopper
from smmclient.cli.bulk.view import View, view_for
from smmclient.cli.output import Out

if TYPE_CHECKING:
    from smmclient.bulk.stage import Stage
    from smmclient.cli.bulk.work import Plan
    from smmclient.provider import Provider
    from smmclient.webhooks import Pushes

__all__ = ["Stages"]


class Stages:
    """Places and follows the orders of a run; ``note`` writes where the view that is shown now allows it."""

    def __init__(
        self, out: Out, journal: SqliteJournal, plan: Plan, progress: Progress, *, stopper: Stopper, ending: Ending
    ) -> None:
        self._out, self._journal, self._plan, self._progress = out, journal, plan, progress
        self._stopper, self._ending = stopper, ending
        self._view: View | None = None

    def note(self, text: str) -> None:
        """Write a line to stderr, above the bars where there are some."""
        if self._view is None:
            self._out.note(f"smm: {text}")
        else:
            self._view.note(text)

    async def place(self, panels: Mapping[str, Provider], before: Sequence[Standing]) -> None:
        """Send what waits for these panels, where the run stands as it did ``before``."""
        journal, way = self._journal, self._plan.way
        states = (RowState.SENDING, RowState.DOUBT)
        doubts = [entry async for entry in journal.entries(states=states)]
        self._progress.begin(before, doubts)
        pace, budget = way.pace(), self._plan.guards.over(await journal.budget())
        if budget.is_set and not self._out.json:
            self._out.line(f"guards: {_guards(budget)}")
        await self._work(Runner(journal, panels, budget=budget, pace=pace))

    async def follow(self, panels: Mapping[str, Provider], pushes: Mapping[str, Pushes] | None) -> Follower:
        """Follow what was placed until it is final; the follower has what that has cost."""
        self._progress.begin_following(await stand(self._journal))
        every = None if self._plan.every is None else float(self._plan.every)
        patience = self._plan.way.pace().patience
        follower = Follower(self._journal, panels, every=every, patience=patience, pushes=pushes)
        await self._work(follower)
        return follower

    async def _work(self, stage: Stage) -> None:
        ending, unseen = self._ending, None
        self._view = view = view_for(self._out, self._progress, self._journal.find_order)
        with view, self._stopper.watching(stage, view):
            async with stage.events() as events:
                async for event in events:
                    if isinstance(event, PanelStopped):
                        ending.stopped.append(event)
                    elif isinstance(event, RowNotSaved):
                        ending.not_saved.append(event)
                        view.note(not_saved(event))
                    try:
                        await view.show(event)
                    except Exception as error:
                        # Nobody sees the rest (`| head`): nothing more is sent, and what is in the air is finished.
                        unseen = unseen or error
                        stage.stop()
        if unseen is not None:
            raise unseen


def _guards(budget: Budget) -> str:
    told = {"--max-spend": budget.max_spend, "--max-order": budget.max_order, "--reserve": budget.reserve}
    return " ".join(f"{name} {amount:f}" for name, amount in told.items() if amount is not None)
