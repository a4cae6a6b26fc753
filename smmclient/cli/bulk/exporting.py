"""``smm bulk export``: a run as a file, whole or not at all."""

from __future__ import annotations

import io
import os
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal, TextIO

from smmclient.bulk import SqliteJournal
from smmclient.bulk.export import CsvExport, Export, HtmlExport, JsonLinesExport
from smmclient.cli.outcome import OK, CallError
from smmclient.cli.output import Out

__all__ = ["export_run"]

Form = Literal["csv", "jsonl", "html"]

_SUFFIXES: dict[str, Form] = {
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".html": "html",
    ".htm": "html",
}


async def export_run(out: Out, run: Path, place: Path | None, form: Form | None, *, is_forced: bool) -> int:
    """Write the run to a file, or to stdout."""
    form = form or _form_of(place)
    if place is not None and not is_forced:
        _check_free(place)
    async with await SqliteJournal.read(run) as journal:
        with _stdout() if place is None else _file(place, run, is_forced=is_forced) as file:
            export = _export(form, file, run)
            async for entry in journal.entries():
                export.add(entry)
            export.close()
    if place is not None:
        out.note(f"smm: wrote {place}")
    return OK


def _form_of(place: Path | None) -> Form:
    if place is None:
        return "csv"
    form = _SUFFIXES.get(place.suffix.casefold())
    if form is None:
        raise CallError(
            f"what {place.name} is to hold cannot be told from its name",
            hint="nothing was written; name it .csv, .jsonl or .html, or give --format",
        )
    return form


def _check_free(place: Path) -> None:
    if os.path.lexists(place):
        raise _is_there(place)


def _is_there(place: Path) -> CallError:
    return CallError(f"{place} is there already", hint="nothing was written; name another file, or give --force")


def _export(form: Form, file: TextIO, run: Path) -> Export:
    if form == "csv":
        return CsvExport(file)
    if form == "jsonl":
        return JsonLinesExport(file)
    return HtmlExport(file, title=run.name, made_at=time.time())


@contextmanager
def _stdout() -> Iterator[TextIO]:
    """Stdout as the exports want it: UTF-8, and line ends as they are written."""
    sys.stdout.flush()
    file = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="")
    try:
        yield file
        file.flush()
    finally:
        with suppress(OSError, ValueError):
            file.detach()


@contextmanager
def _file(place: Path, run: Path, *, is_forced: bool) -> Iterator[TextIO]:
    """A new file beside the place, which takes the place when all is written."""
    if os.path.lexists(place) and any(_is_same(place, Path(f"{run}{end}")) for end in ("", "-wal", "-shm", "-lock")):
        raise CallError(f"{place} is the run itself", hint="nothing was written; name another file")
    part = place.with_name(f".{place.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("x", encoding="utf-8", newline="") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if not is_forced:
            # Not over a file that has come meanwhile.
            with suppress(NotImplementedError, PermissionError):
                os.link(part, place)
                return
            _check_free(place)
        part.replace(place)
    except FileExistsError:
        raise _is_there(place) from None
    except OSError as error:
        raise CallError(
            f"{place} cannot be written: {error.strerror or error}",
            hint="nothing was written; check the folder and its disk, or name another file",
        ) from error
    finally:
        with suppress(OSError):
            part.unlink()


def _is_same(place: Path, other: Path) -> bool:
    try:
        return place.samefile(other)
    except OSError:
        return False
