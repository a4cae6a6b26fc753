"""The user's file of panels, edited by ``smm panels``: what is not meant stays as it was."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smmclient.cli.own.cutting import without_table

Smm = Callable[..., Any]

MINE = """\
# mine
[a]
base_url = "https://a.example" # of A

# about b
[b]
base_url = "https://b.example"
# still b
batch_size = 5
[b.features]
refill = "no"
[[b.limits]]
rate = 5

# about c
[c]
base_url = "https://c.example"
# the end
"""


@pytest.fixture
def file(profiles: Path) -> Path:
    """Where the panels are kept."""
    return profiles.with_name("panels.toml")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_table_goes_and_what_is_around_it_stays(smm: Smm, file: Path, end: str) -> None:
    """The comments of the next table, the last comment of the file, and the line ends."""
    file.write_bytes(MINE.replace("\n", end).encode())
    assert smm("panels", "remove", "b").code == 0
    a, c = MINE[: MINE.index("[b]")], MINE[MINE.index("\n# about c") :]
    assert file.read_bytes().decode() == (a + c).replace("\n", end)
    assert smm("panels", "remove", "c").code == 0
    assert file.read_bytes().decode() == (a + "\n# about c\n# the end\n").replace("\n", end)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", ["", "\n"])
def test_what_is_added_stands_behind_the_rest(smm: Smm, file: Path, end: str, last: str) -> None:
    """With the line ends of the file, whether or not its last line has one."""
    before = (MINE.rstrip() + last).replace("\n", end)
    file.write_bytes(before.encode())
    assert smm("panels", "add", "d.e", "--base-url", "https://d.example", "--set", "headers.X-A=1 2").code == 0
    after = file.read_bytes().decode()
    assert after.startswith(before)
    assert after.replace("\r\n", "").count("\n") == (0 if end == "\r\n" else after.count("\n"))
    assert tomllib.loads(after)["d.e"] == {"base_url": "https://d.example", "headers": {"X-A": "1 2"}}
    assert smm("panels", "remove", "d.e").code == 0
    assert file.read_bytes().decode() == MINE.rstrip().replace("\n", end) + end


@pytest.mark.parametrize("bad", ["base_url = 5", 'base_url = "https://z.example"\nwibble = 1', ""])
def test_a_panel_that_is_wrong_can_be_taken_out(smm: Smm, file: Path, bad: str) -> None:
    """That is what one would want to do with it."""
    file.write_text(f"{MINE}\n[zz]\n{bad}\n")
    assert smm("panels", "remove", "zz").code == 0
    assert file.read_text() == MINE


@pytest.mark.parametrize(
    "text",
    [
        'zz = { base_url = "https://z.example" }\n',
        'zz.base_url = "https://z.example"\n',
        '[zz]\nrefusals."""\n[b]\n""" = "Fault"\n',
        '[a]\nlist_only = [\n["zz"]\n]\n[zz]\n',
        '[zz]\nlist_only = [\n["x"]\n]\n',
    ],
)
def test_what_cannot_be_cut_for_sure_is_left_to_the_user(smm: Smm, file: Path, text: str) -> None:
    """A file in which lines do not mean what they look like stays as it is."""
    file.write_text(text)
    ran = smm("panels", "remove", "zz")
    assert ran.code == 2
    assert "edit it by hand" in ran.err or "mend it by hand" in ran.err
    assert file.read_text() == text


def test_a_file_that_is_no_toml_is_left_alone(smm: Smm, file: Path) -> None:
    """In plain words, with the line."""
    file.write_text("[a]\n[a]\n")
    ran = smm("panels", "remove", "a")
    assert ran.code == 2
    assert "[a] stands there twice (at line 2" in ran.err
    assert file.read_text() == "[a]\n[a]\n"


_PIECES = [
    "# a comment\n",
    "\n",
    "[a]\nx = 1\n",
    "[b]\n",
    '[b.c]\nx = "[a]" # [a]\n',
    "[[d.e]]\ny = 1\n",
    '["f.g"]\nz = """\n[h]\n"""\n',
]


@given(st.lists(st.sampled_from(_PIECES)), st.sampled_from(["a", "b", "d", "f.g", "h"]))
def test_only_the_table_goes(pieces: list[str], name: str) -> None:
    """Whatever a file holds: where the cut is right, all comments and all else that is said are still there."""
    text = "".join(pieces)
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    left = without_table(text, name)
    try:
        is_right = tomllib.loads(left) == {one: table for one, table in tables.items() if one != name}
    except tomllib.TOMLDecodeError:
        is_right = False
    assert is_right or '"f.g"' in text
    if is_right:
        gone = [line for line in text.splitlines() if line.strip()]
        for line in left.splitlines():
            if line.strip():
                gone.remove(line)
        if name != "f.g":
            assert not [line for line in gone if line == "# a comment"] or "# a comment\nx" in text
