"""The options that several commands of ``smm bulk`` share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from smmclient.cli.options import Amount, Pacing, Whole, read_pacing
from smmclient.cli.outcome import CallError

if TYPE_CHECKING:
    from smmclient.bulk import Budget, Pace
    from smmclient.settings import Settings

__all__ = ["Guards", "Orders", "RunFile", "Switch", "Way", "need_one"]

Switch = Parameter(negative="", show_default=False)

Orders = Annotated[Path, Parameter(help="A CSV or JSON Lines file: [panel,]service,link,quantity[,ref …].")]
RunFile = Annotated[Path, Parameter(name="RUN", help="The run's file, as --run of `smm bulk place` named it.")]


@Parameter(name="*")
@dataclass(frozen=True)
class Guards:
    """What may be spent."""

    max_spend: Annotated[
        Amount | None, Parameter(help="Stop before the run has spent more on a panel, rows in doubt included.")
    ] = None
    max_order: Annotated[Amount | None, Parameter(help="Hold rows that cost more, or nobody knows what.")] = None
    reserve: Annotated[Amount | None, Parameter(help="Stop before the account holds less.")] = None

    no_guards: Annotated[bool, Switch, Parameter(help="Take off the guards that the run has kept.")] = False

    def budget(self) -> Budget:
        """The guards as the run takes them."""
        from smmclient.bulk import Budget

        return Budget(max_spend=self.max_spend, max_order=self.max_order, reserve=self.reserve)

    def over(self, kept: Budget) -> Budget:
        """These guards, and those that the run has kept where none is given."""
        from attrs import asdict, evolve

        if self.no_guards:
            return self.budget()
        return evolve(kept, **{name: amount for name, amount in asdict(self.budget()).items() if amount is not None})


@Parameter(name="*")
@dataclass(frozen=True)
class Way:
    """How the panels are called."""

    limit: Annotated[
        Pacing | None,
        Parameter(help="Requests per seconds (100/60) in place of what the panel documents, or none."),
    ] = None
    connections: Annotated[Whole | None, Parameter(help="Orders in the air at once, on each panel.")] = None
    patience: Annotated[Whole | None, Parameter(help="Seconds that a panel may fail to act; else 900.")] = None
    repeat_within: Annotated[
        Whole | None,
        Parameter(help="Seconds in which a row in doubt may be asked about with its request_id; else 3600."),
    ] = None
    same_account: Annotated[bool, Switch, Parameter(help="Take another key as one of the run's own account.")] = False

    def pace(self) -> Pace:
        """The patience as the run takes it."""
        from smmclient.bulk import Pace

        need_one(self.patience, "--patience")
        pace = Pace()
        return Pace(
            patience=pace.patience if self.patience is None else float(self.patience),
            repeat_within=pace.repeat_within if self.repeat_within is None else float(self.repeat_within),
        )

    def settings(self) -> Settings:
        """The pacing as the providers take it."""
        from smmclient.settings import Limit, Settings

        need_one(self.connections, "--connections")
        limits = None if self.limit is None else tuple(Limit(rate, per) for rate, per in read_pacing(self.limit))
        usual = Settings()
        return Settings(
            limits=limits, max_connections=usual.max_connections if self.connections is None else self.connections
        )


def need_one(number: int | None, option: str) -> None:
    """Raise a `UsageError` for a number that must not be 0."""
    if number == 0:
        raise CallError(f"{option} must be at least 1", hint="nothing was sent; leave it out for the usual one")
