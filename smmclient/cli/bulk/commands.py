"""The commands of ``smm bulk``. Each returns its exit code; what is slow to import is imported inside."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from smmclient.cli.bulk.choices import Guards, Orders, RunFile, Switch, Way, need_one
from smmclient.cli.options import Flag, Hidden, Whole
from smmclient.cli.outcome import CallError
from smmclient.cli.session import Access
from smmclient.cli.webhook.choices import Listening

__all__ = ["check", "doubt", "export", "follow", "place", "resolve", "resume", "show"]

Every = Annotated[Whole | None, Parameter(help="Seconds between two looks at an order; else 30, or 600 with --listen.")]
Twins = Annotated[bool, Switch, Parameter(help="Take the same order twice.")]
Follow = Annotated[bool, Switch, Parameter(help="Then follow the orders until all are final.")]


def _beside(listening: Listening | None, *, is_following: bool) -> Listening | None:
    if listening is not None and listening.where() is not None and not is_following:
        raise CallError("--listen is given, and no --follow", hint="nothing was sent; give --follow, too")
    return listening


async def check(
    file: Orders,
    /,
    *,
    run: Annotated[Path | None, Parameter(help="Check against this run, too; nothing is kept there.")] = None,
    strict: Annotated[bool, Switch, Parameter(help="As `place --strict`: nothing goes if any row is bad.")] = False,
    allow_twins: Twins = False,
    guards: Guards | None = None,
    session: Hidden,
    access: Access | None = None,
) -> int:
    """Show what is wrong with a file of orders and what it costs; nothing is ordered and nothing is kept.

    Every row is held against its panel's catalog. A row's panel is a provider or a profile, and stands in the
    column panel; rows without one go to --panel, --profile, SMM_PROFILE or SMM_PANEL.
    """
    from smmclient.cli.bulk.checks import check_file

    return await check_file(
        session, file, run, access or Access(), guards or Guards(), allow_twins=allow_twins, is_strict=strict
    )


async def place(
    file: Orders,
    /,
    *,
    run: Annotated[Path, Parameter(help="The run's file; it is made where there is none.")],
    strict: Annotated[bool, Switch, Parameter(help="Order nothing if any row is bad.")] = False,
    add: Annotated[bool, Switch, Parameter(help="Add the rows of another file to the run.")] = False,
    allow_twins: Twins = False,
    yes: Annotated[bool, Switch, Parameter(help="Do not ask before orders are placed.")] = False,
    follow: Follow = False,
    every: Every = None,
    listening: Listening | None = None,
    guards: Guards | None = None,
    way: Way | None = None,
    session: Hidden,
    access: Access | None = None,
) -> int:
    """Place a file of orders, each once. On a terminal it shows the costs and asks first.

    Ctrl-C stops it cleanly, and `smm bulk resume` goes on; so it does after a crash. With --json every event is one
    line: {"event": "RowPlaced", "panel": …, "ref": …, "line": …, "order": …, "charge": …}, the last one is "Ended".

    With --follow --listen the panels' pushes are taken from before the first order is placed until the end. What comes
    before following begins is answered as taken; following asks the panel about every order first, so nothing is lost.
    """
    from smmclient.cli.bulk.work import Plan, place_file

    need_one(every, "--every")
    plan = Plan(run=run, access=access or Access(), guards=guards or Guards(), way=way or Way(), every=every)
    return await place_file(
        session,
        file,
        plan,
        is_strict=strict,
        may_add=add,
        allow_twins=allow_twins,
        is_agreed=yes,
        with_follow=follow,
        listening=_beside(listening, is_following=follow),
    )


async def resume(
    run: RunFile,
    /,
    *,
    follow: Follow = False,
    every: Every = None,
    listening: Listening | None = None,
    guards: Guards | None = None,
    way: Way | None = None,
    session: Hidden,
    access: Access | None = None,
) -> int:
    """Go on with a run where it stopped, on the panels and addresses that it was begun with.

    With --follow --listen the panels' pushes are taken from before the first order is placed until the end, as with
    `smm bulk place`.
    """
    from smmclient.cli.bulk.work import Plan, resume_run

    need_one(every, "--every")
    plan = Plan(run=run, access=access or Access(), guards=guards or Guards(), way=way or Way(), every=every)
    return await resume_run(session, plan, with_follow=follow, listening=_beside(listening, is_following=follow))


async def follow(
    run: RunFile,
    /,
    *,
    every: Every = None,
    listening: Listening | None = None,
    way: Way | None = None,
    session: Hidden,
    access: Access | None = None,
) -> int:
    """Follow a run's orders until all are final; shows what came back for those that were not done in full.

    With --listen what the panels push is taken at once, each at a path of its own (/notpanel), and they are asked
    less often: polling is left for what gets lost.
    """
    from smmclient.cli.bulk.work import Plan, resume_run

    need_one(every, "--every")
    plan = Plan(run=run, access=access or Access(), guards=Guards(), way=way or Way(), every=every)
    return await resume_run(session, plan, is_placing=False, with_follow=True, listening=listening)


async def show(run: RunFile, /, *, json: Flag = False, session: Hidden) -> int:
    """Show where a run stands, also while it is worked on, and what to do next."""
    from smmclient.cli.bulk.show import show_run

    return await show_run(session.out, run)


async def doubt(
    run: RunFile,
    /,
    *,
    offline: Annotated[bool, Switch, Parameter(help="Ask no panel: show what is known.")] = False,
    way: Way | None = None,
    session: Hidden,
    access: Access | None = None,
) -> int:
    """List the rows that may have been placed, and what the panels' balances say of them.

    It waits until the balances tell of the last row. Exit code 5 if there are such rows.
    """
    from smmclient.cli.bulk.doubt import show_doubt
    from smmclient.cli.bulk.work import Plan

    plan = Plan(run=run, access=access or Access(), guards=Guards(), way=way or Way(), every=30)
    return await show_doubt(session, plan, is_offline=offline)


async def resolve(
    run: RunFile,
    ref: Annotated[str, Parameter(help="The row's ref, as `smm bulk doubt` shows it.")],
    /,
    *,
    placed: Annotated[str | None, Parameter(help="The order's id: you found it at the panel.")] = None,
    not_placed: Annotated[bool, Switch, Parameter(help="It is not there: the next resume sends it.")] = False,
    unchecked: Annotated[bool, Switch, Parameter(help="Take the id without asking the panel for it.")] = False,
    way: Way | None = None,
    session: Hidden,
    access: Access | None = None,
) -> int:
    """Decide about a row in doubt: it was placed as that order, or it was not.

    The panel is asked for the order first. Until the row is sent again the decision can be changed: decide once more.
    """
    from smmclient.cli.bulk.resolving import resolve_row
    from smmclient.cli.bulk.work import Plan

    if (placed is None) is not not_placed:
        raise CallError(
            "say what became of the row: either --placed ORDER_ID or --not-placed",
            hint="nothing was changed; look for the order at the panel before you decide",
        )
    plan = Plan(run=run, access=access or Access(), guards=Guards(), way=way or Way(), every=30)
    return await resolve_row(session, plan, ref, placed=placed, is_unchecked=unchecked)


async def export(
    run: RunFile,
    out: Annotated[Path | None, Parameter(name="OUT", help="The file to write; else stdout.")] = None,
    /,
    *,
    form: Annotated[
        Literal["csv", "jsonl", "html"] | None,
        Parameter(name="--format", help="Else told by the suffix of OUT, and csv on stdout."),
    ] = None,
    force: Annotated[bool, Switch, Parameter(help="Write over a file that is there.")] = False,
    session: Hidden,
) -> int:
    """Write a run out as CSV, JSON Lines or an HTML page, also while it is worked on."""
    from smmclient.cli.bulk.exporting import export_run

    return await export_run(session.out, run, out, form, is_forced=force)
