"""What a disk, a crash or a hand can do to a run's files: it is noticed, or nothing that was sent is forgotten."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path

import anyio
import pytest
from attrs import frozen
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from smmclient import Order, Receipt
from smmclient.bulk import Entry, InDoubt, NewRow, NotPlaced, Placed, RefusedRow, RowState, SqliteJournal
from smmclient.errors import JournalCorrupt, JournalError, JournalLocked

ROWS = 60
PAGE = 4096
#: Rows that may go back to none of these: they were sent.
SENT = (RowState.SENDING, RowState.DOUBT, RowState.DONE)


def row(number: int) -> NewRow:
    """A row of a file."""
    link = f"https://example.com/p/{number}"
    return NewRow(
        number=number,
        line=number + 1,
        panel="shop",
        ref=f"r{number}",
        order=Order(service=7, link=link, quantity=100 + number),
        written={"service": "7", "link": link},
    )


def name_of(number: int) -> str:
    """The file of the run at that path."""
    return ("run.db", "run.db-wal", "run.db-mark")[number]


def copy(folder: Path, to: Path) -> Path:
    """The files as a kill would leave them."""
    to.mkdir(parents=True, exist_ok=True)
    for number in range(3):
        if (folder / name_of(number)).exists():
            shutil.copyfile(folder / name_of(number), to / name_of(number))
    return to / "run.db"


@frozen
class Made:
    """A run that was worked on: its folder after a clean close and after a kill, and its rows then."""

    closed: Path
    killed: Path
    #: The run after a kill in its middle, and at the time of the last checkpoint.
    earlier: Path
    rows: Mapping[str, Entry]


async def work(folder: Path) -> Made:
    """Rows in all states, half of the work before a reopening, half of it in the log."""
    live = folder / "live"
    live.mkdir()
    path = live / "run.db"
    async with await SqliteJournal.open(path, may_create=True, is_inline=True) as journal:
        async with journal.admission("in.csv") as admission:
            await admission.add([row(number) for number in range(1, ROWS + 1)])
        await play(journal, range(0, 20))
    journal = await SqliteJournal.open(path, is_inline=True)
    await play(journal, range(20, 30))
    copy(live, folder / "earlier")
    await play(journal, range(30, 50))
    copy(live, folder / "killed")
    rows = {entry.ref: entry async for entry in journal.entries()}
    await journal.aclose()
    copy(live, folder / "closed")
    return Made(folder / "closed", folder / "killed", folder / "earlier", rows)


async def play(journal: SqliteJournal, span: range) -> None:
    """Send rows, and let them end in different ways."""
    for entry in (await journal.take("shop", after=0, limit=ROWS))[: len(span)]:
        await journal.send(entry, request_id=f"id-{entry.number}", at=1000.5, repeat_until=2000.25)
        match entry.number % 6:
            case 0 | 1:
                await journal.settle(entry, Placed(Receipt(f"9{entry.number}")), at=1001.0)
            case 2:
                await journal.settle(entry, InDoubt("OutcomeUnknown", "timeout"), at=1001.0)
            case 3:
                await journal.settle(entry, RefusedRow("Refused", "no"), at=1001.0)
            case 4:
                await journal.settle(entry, NotPlaced("busy"), at=1001.0)
            case _:
                pass


@pytest.fixture(scope="module")
def made() -> Iterator[Made]:
    """The run, made once."""
    with tempfile.TemporaryDirectory() as folder:
        yield anyio.run(work, Path(folder))


async def look(path: Path) -> dict[str, Entry]:
    """The rows, if the journal opens."""
    async with await SqliteJournal.open(path, is_inline=True) as journal:
        return {entry.ref: entry async for entry in journal.entries()}


def is_noticed(path: Path, rows: Mapping[str, Entry]) -> bool:
    """Whether opening says that something is wrong; if it does not, nothing that was sent may be forgotten."""
    try:
        found = anyio.run(look, path)
    except JournalError as error:
        assert len(str(error)) > 20
        return True
    assert found.keys() == rows.keys()
    for ref, entry in rows.items():
        assert found[ref].order == entry.order
        assert (found[ref].number, found[ref].panel) == (entry.number, entry.panel)
        if entry.state in SENT:
            assert found[ref].state in SENT
            assert found[ref].request_id == entry.request_id
    return False


def damage(file: Path, how: str, place: float, bit: int) -> None:
    """Harm a file in one place."""
    content = bytearray(file.read_bytes())
    at = min(int(place * len(content)), len(content) - 1)
    if how == "flip":
        content[at] ^= 1 << bit
    elif how == "zero":
        start = at // PAGE * PAGE
        content[start : start + PAGE] = bytes(len(content[start : start + PAGE]))
    else:
        del content[at:]
    file.write_bytes(content)


HARM = settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
PLACE = {
    "how": st.sampled_from(["flip", "flip", "zero", "cut"]),
    "place": st.floats(0, 1, exclude_max=True),
    "bit": st.integers(0, 7),
}


@HARM
@example(how="flip", place=0.046875, bit=7)
@given(**PLACE)
def test_damage_after_a_clean_close(made: Made, how: str, place: float, bit: int) -> None:
    """Whatever is flipped, zeroed or cut off: it is noticed, or nothing that was sent is forgotten or changed."""
    with tempfile.TemporaryDirectory() as folder:
        path = copy(made.closed, Path(folder))
        damage(path, how, place, bit)
        is_noticed(path, made.rows)


@HARM
@given(which=st.integers(0, 1), **PLACE)
def test_damage_after_a_crash(made: Made, which: int, how: str, place: float, bit: int) -> None:
    """The same after a kill; and damage to what the log holds of a write that was told to be durable is noticed."""
    with tempfile.TemporaryDirectory() as folder:
        path = copy(made.killed, Path(folder))
        damage(Path(folder, name_of(which)), how, place, bit)
        noticed = is_noticed(path, made.rows)
        assert noticed or which == 0


@settings(HARM, max_examples=60)
@given(**PLACE)
def test_a_damaged_mark(made: Made, how: str, place: float, bit: int) -> None:
    """The mark is a witness, not a part: damaged or missing, the run opens as it was."""
    with tempfile.TemporaryDirectory() as folder:
        path = copy(made.killed, Path(folder))
        damage(Path(folder, "run.db-mark"), how, place, bit)
        assert not is_noticed(path, made.rows)


def test_most_damage_is_noticed(made: Made, tmp_path: Path) -> None:
    """Not by chance: each flipped byte of what the pages hold is noticed, but for the few that mean nothing."""
    length = (made.closed / "run.db").stat().st_size
    used = (made.closed / "run.db").read_bytes()
    places = [at for at in range(100, length, 211) if used[at]]
    missed = 0
    for at in places:
        path = copy(made.closed, tmp_path)
        damage(path, "flip", (at + 0.5) / length, 3)
        missed += not is_noticed(path, made.rows)
        Path(tmp_path, "run.db-wal").unlink(missing_ok=True)
    assert len(places) > 50
    # A page keeps what was in it before a row grew and moved: nobody reads that.
    assert missed < len(places) * 0.35


@pytest.mark.parametrize("has_mark", [True, False])
def test_the_log_is_taken_away(made: Made, tmp_path: Path, has_mark: bool) -> None:
    """Without its log after a crash, a run neither opens nor is shown; the same when somebody looked in between."""
    path = copy(made.killed, tmp_path)
    (tmp_path / "run.db-wal").unlink()
    if not has_mark:
        (tmp_path / "run.db-mark").unlink()
    for opener in (SqliteJournal.open, SqliteJournal.read, SqliteJournal.open):
        with pytest.raises(JournalCorrupt, match="-wal is missing"):
            anyio.run(opener, path)
    assert not (tmp_path / "run.db-wal").exists()
    (tmp_path / "run.db-wal").touch()
    if has_mark:
        with pytest.raises(JournalCorrupt, match="older copy, or has lost its end"):
            anyio.run(SqliteJournal.open, path)


def test_what_is_damaged_stays_as_it_was(made: Made, tmp_path: Path) -> None:
    """Opening a damaged run changes no byte of it, however often."""
    path = copy(made.killed, tmp_path)
    damage(tmp_path / "run.db-wal", "flip", 0.7, 1)
    before = [(tmp_path / name_of(number)).read_bytes() for number in range(3)]
    for _ in range(2):
        with pytest.raises(JournalCorrupt):
            anyio.run(SqliteJournal.open, path)
    assert [(tmp_path / name_of(number)).read_bytes() for number in range(3)] == before


def last_commits(wal: bytes) -> list[int]:
    """Where each whole write of a log ends."""
    ends = []
    for at in range(32, len(wal) - PAGE - 23, PAGE + 24):
        if int.from_bytes(wal[at + 4 : at + 8]):
            ends.append(at + PAGE + 24)
    return ends


@settings(HARM, max_examples=60)
@given(place=st.floats(0, 1, exclude_max=True), has_mark=st.booleans())
def test_a_torn_end(made: Made, place: float, has_mark: bool) -> None:
    """A power cut in the middle of a write that nobody was told of: the run opens, and has all there was before."""

    async def write_more(path: Path) -> None:
        journal = await SqliteJournal.open(path, is_inline=True)
        first, second = await journal.take("shop", after=0, limit=2)
        await journal.send(first, request_id="a", at=1.0, repeat_until=None)
        copy(path.parent, path.parent / "before")
        rows.update({entry.ref: entry async for entry in journal.entries()})
        await journal.send(second, request_id="b", at=1.0, repeat_until=None)
        copy(path.parent, path.parent / "after")
        await journal.aclose()

    rows: dict[str, Entry] = {}
    with tempfile.TemporaryDirectory() as folder:
        anyio.run(write_more, copy(made.closed, Path(folder)))
        before, after = Path(folder, "before"), Path(folder, "after")
        wal = (after / "run.db-wal").read_bytes()
        start, end = last_commits(wal)[-2:]
        assert len((before / "run.db-wal").read_bytes()) == start
        (before / "run.db-wal").write_bytes(wal[: start + int(place * (end - start))])
        if not has_mark:
            (before / "run.db-mark").unlink()
        assert not is_noticed(before / "run.db", rows)


@pytest.mark.parametrize("has_mark", [True, False])
def test_a_page_that_is_older(made: Made, tmp_path: Path, has_mark: bool) -> None:
    """Each page that a disk brings back as it was some writes ago is noticed where it would forget what was sent."""

    async def closed_earlier(path: Path) -> None:
        await (await SqliteJournal.open(path, is_inline=True)).aclose()

    old_path = copy(made.earlier, tmp_path / "old")
    anyio.run(closed_earlier, old_path)
    old, new = old_path.read_bytes(), (made.closed / "run.db").read_bytes()
    noticed = 0
    for at in range(0, min(len(new), len(old)), PAGE):
        if old[at : at + PAGE] == new[at : at + PAGE]:
            continue
        path = copy(made.closed, tmp_path / "now")
        if not has_mark:
            (tmp_path / "now" / "run.db-mark").unlink()
        path.write_bytes(new[:at] + old[at : at + PAGE] + new[at + PAGE :])
        noticed += is_noticed(path, made.rows)
        # And the other way round: all pages older but one.
        path = copy(made.closed, tmp_path / "now")
        if not has_mark:
            (tmp_path / "now" / "run.db-mark").unlink()
        path.write_bytes(old[:at] + new[at : at + PAGE] + old[at + PAGE :])
        assert is_noticed(path, made.rows)
    assert noticed >= 3


@pytest.mark.parametrize("parts", [[0], [1], [0, 1]])
def test_files_of_different_times(made: Made, tmp_path: Path, parts: list[int]) -> None:
    """An older file, log or both put beside the newest mark are noticed, and so is one beside a newer other."""
    path = copy(made.killed, tmp_path)
    for part in parts:
        shutil.copyfile(made.earlier / name_of(part), tmp_path / name_of(part))
    # The file itself is the same at both times: the log has not been taken in.
    assert is_noticed(path, made.rows) == (1 in parts)


def test_an_old_log_beside_a_newer_file(made: Made, tmp_path: Path) -> None:
    """A log of a session that has long been taken in, put back, would undo what came after it."""
    path = copy(made.closed, tmp_path)
    shutil.copyfile(made.earlier / "run.db-wal", tmp_path / "run.db-wal")
    assert is_noticed(path, made.rows)


def test_an_older_copy_of_the_whole(made: Made, tmp_path: Path) -> None:
    """A backup put back over a run is noticed, and begun anew only under another name."""
    path = copy(made.closed, tmp_path)
    shutil.copyfile(made.earlier / "run.db", path)
    shutil.copyfile(made.earlier / "run.db-wal", tmp_path / "run.db-wal")
    with pytest.raises(JournalCorrupt, match="older copy"):
        anyio.run(SqliteJournal.open, path)


def test_a_copy_elsewhere_needs_no_mark(made: Made, tmp_path: Path) -> None:
    """A run that is moved with its log alone is whole; so is another run that takes an old one's name."""
    path = copy(made.killed, tmp_path)
    (tmp_path / "run.db-mark").unlink()
    assert not is_noticed(path, made.rows)
    path.unlink()
    (tmp_path / "run.db-wal").unlink(missing_ok=True)

    async def begin() -> None:
        await (await SqliteJournal.open(path, may_create=True)).aclose()
        await (await SqliteJournal.open(path)).aclose()

    anyio.run(begin)


@pytest.mark.parametrize("is_there", [True, False])
def test_a_log_without_its_file(made: Made, tmp_path: Path, is_there: bool) -> None:
    """When only the log is left, no new run is begun over it: it holds what was sent."""
    path = copy(made.killed, tmp_path)
    log = (tmp_path / "run.db-wal").read_bytes()
    if is_there:
        path.write_bytes(b"")
    else:
        path.unlink()

    async def begin() -> None:
        await SqliteJournal.open(path, may_create=True)

    with pytest.raises(JournalCorrupt, match="log"):
        anyio.run(begin)
    assert (tmp_path / "run.db-wal").read_bytes() == log


@pytest.mark.parametrize("what", ["text", "short text", "empty", "database", "folder", "nothing", "no folder"])
@pytest.mark.parametrize("opener", [SqliteJournal.open, SqliteJournal.read])
def test_what_is_no_run(tmp_path: Path, what: str, opener: Callable[[Path], Awaitable[SqliteJournal]]) -> None:
    """A file that is no run is refused in words, and left alone."""
    path = tmp_path / "run.db"
    if what == "folder":
        path.mkdir()
    elif what == "no folder":
        path = tmp_path / "no" / "run.db"
    elif what == "database":
        with sqlite3.connect(path) as other:
            other.execute("CREATE TABLE things (name)")
        other.close()
    elif what != "nothing":
        path.write_bytes({"text": b"service,link\n" * 1000, "short text": b"hi", "empty": b""}[what])
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(JournalError, match=r"run\.db|no folder"):
        anyio.run(opener, path)
    assert (path.read_bytes() if path.is_file() else None) == before


WRITER = """
import sys, anyio
from smmclient import Receipt
from smmclient.bulk import Placed, SqliteJournal

async def main():
    journal = await SqliteJournal.open(sys.argv[1])
    print("open", flush=True)
    sys.stdin.readline()
    while rows := await journal.take("shop", after=0, limit=1):
        await journal.send(rows[0], request_id=None, at=1.0, repeat_until=None)
        print("sent", rows[0].ref, flush=True)
        await journal.settle(rows[0], Placed(Receipt("5")), at=2.0)
        print("done", rows[0].ref, flush=True)
    if sys.argv[2:] != ["ends"]:
        await anyio.sleep_forever()

anyio.run(main)
"""


def test_kill_a_writer_that_is_read(made: Made, tmp_path: Path) -> None:
    """One writer at a time, readers meanwhile; after SIGKILL the next gets in and finds all that was told."""
    path = copy(made.closed, tmp_path)
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdin is not None
        assert writer.stdout is not None
        assert writer.stdout.readline() == "open\n"

        async def meanwhile() -> list[str]:
            with pytest.raises(JournalLocked, match="another process"):
                await SqliteJournal.open(path)
            reader = await SqliteJournal.read(path)
            assert len(await reader.tallies()) >= 4
            assert writer.stdin is not None
            assert writer.stdout is not None
            writer.stdin.write("go\n")
            writer.stdin.flush()
            told = [writer.stdout.readline() for _ in range(7)]
            writer.kill()
            told += writer.stdout.readlines()
            writer.wait()
            # Who looks after the kill neither takes in nor removes what the log holds.
            assert await reader.find("r1") is not None
            async with await SqliteJournal.read(path) as late:
                before = [entry async for entry in late.entries()]
            await reader.aclose()
            assert (tmp_path / "run.db-wal").stat().st_size > 0
            async with await SqliteJournal.open(path) as journal:
                # One write that nobody was told of may have reached the log, and not its index.
                now = [entry async for entry in journal.entries()]
                changed = [(old.state, new.state) for old, new in zip(before, now, strict=True) if old != new]
                assert changed in ([], [(RowState.PENDING, RowState.SENDING)], [(RowState.SENDING, RowState.DONE)])
                for line in told:
                    word, ref = line.split()
                    entry = await journal.find(ref)
                    assert entry is not None
                    assert entry.state is RowState.DONE or (word == "sent" and entry.state is RowState.SENDING)
            return told

        assert len(anyio.run(meanwhile)) >= 7


def test_a_process_that_ends_without_closing(made: Made, tmp_path: Path) -> None:
    """A run that its process never closed opens again, with all that was written."""
    path = copy(made.closed, tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", WRITER, str(path), "ends"], input="go\n", capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done
    found = anyio.run(look, path)
    for line in done.stdout.splitlines()[1:]:
        assert found[line.split()[1]].state is RowState.DONE


@pytest.mark.parametrize("is_reading", [True, False])
def test_closing_while_somebody_reads(made: Made, tmp_path: Path, is_reading: bool) -> None:
    """A reader that stays open through a close and the next session takes nothing away."""
    path = copy(made.killed, tmp_path)

    async def main() -> None:
        journal = await SqliteJournal.open(path)
        reader = await SqliteJournal.read(path)
        await journal.aclose()
        if not is_reading:
            await reader.aclose()
        async with await SqliteJournal.open(path) as journal:
            (entry,) = await journal.take("shop", after=0, limit=1)
            await journal.send(entry, request_id=None, at=1.0, repeat_until=None)
            copy(tmp_path, tmp_path / "crash")
        await reader.aclose()
        found = await look(path)
        assert found[entry.ref].state is RowState.SENDING
        assert (await look(tmp_path / "crash" / "run.db"))[entry.ref].state is RowState.SENDING

    anyio.run(main)


def test_a_link_is_the_file(made: Made, tmp_path: Path) -> None:
    """A run that is named by a symbolic link is locked, checked and found as the file is."""
    path = copy(made.killed, tmp_path / "there")
    link = tmp_path / "link.db"
    link.symlink_to(path)

    async def main() -> None:
        async with await SqliteJournal.open(link):
            with pytest.raises(JournalLocked):
                await SqliteJournal.open(path)

    anyio.run(main)
    assert not is_noticed(link, made.rows)


@pytest.mark.parametrize("content", [b"", b"not ours"])
def test_the_lock_file_that_is_left(made: Made, tmp_path: Path, content: bytes) -> None:
    """A lock file that stayed behind does no harm, and one that is something else is named."""
    path = copy(made.closed, tmp_path)
    (tmp_path / "run.db-lock").write_bytes(content)
    if content:
        with pytest.raises(JournalError, match="-lock is in the way"):
            anyio.run(look, path)
    else:
        assert not is_noticed(path, made.rows)
