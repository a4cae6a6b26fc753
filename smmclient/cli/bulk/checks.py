"""``smm bulk check``, and what ``place`` has in common with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

from smmclient.bulk import Source, SqliteJournal, check
from smmclient.cli.bulk.choices import Guards
from smmclient.cli.bulk.connections import Connections
from smmclient.cli.bulk.report import Findings, show_report
from smmclient.cli.outcome import OK, REFUSED, CallError
from smmclient.cli.session import Access, Session
from smmclient.errors import UsageError
from smmclient.settings import Settings

__all__ = ["check_file", "file_errors", "open_source"]


async def check_file(
    session: Session,
    file: Path,
    run: Path | None,
    access: Access,
    guards: Guards,
    *,
    allow_twins: bool,
    is_strict: bool,
) -> int:
    """Check a file, and return 3 if any of its rows is bad."""
    out = session.out
    source = open_source(file)
    async with AsyncExitStack() as stack:
        journal = await stack.enter_async_context(
            await (SqliteJournal.temporary() if run is None else SqliteJournal.open(run))
        )
        panels = await stack.enter_async_context(Connections(session, access, Settings()))
        findings = Findings(out)
        with file_errors():
            report = await check(
                source,
                journal,
                panels,
                panel=panels.default(),
                budget=guards.budget(),
                allow_twins=allow_twins,
                on_problem=findings.note,
            )
    findings.end()
    show_report(out, report)
    if report.bad and not out.json:
        out.note(
            "smm: with --strict nothing is ordered" if is_strict else "smm: the good rows can go without the bad ones"
        )
    return REFUSED if report.bad else OK


def open_source(file: Path) -> Source:
    """The file to read, if there is one: said before a run is begun for it."""
    source = Source(file)
    if not file.exists() or file.is_dir():
        with file_errors():
            next(iter(source), None)
    return source


@contextmanager
def file_errors() -> Iterator[None]:
    """Say what to do about a file that cannot be used."""
    try:
        yield
    except UsageError as error:
        if type(error) is not UsageError:
            raise
        raise CallError(
            error.message, hint="nothing was kept, nothing was sent; mend the file, then run the same command again"
        ) from error
