"""What docs/adding-a-provider.md shows is what runs, and needs nothing that it does not show."""

from __future__ import annotations

import ast
import importlib
import re
import textwrap
from pathlib import Path

import pytest

from smmclient import Provider
from smmclient.testing import ProviderContract, Speech

TESTS = Path(__file__).parent.parent
PACKAGE = TESTS / "third_party"
GUIDE = (TESTS.parent / "docs" / "adding-a-provider.md").read_text("utf-8")
#: Everything that the guide may show, or show a piece of.
SHOWN = {
    path.relative_to(PACKAGE).as_posix(): path.read_text("utf-8")
    for path in sorted(PACKAGE.rglob("*"))
    if path.suffix in (".py", ".toml", ".json")
}
BLOCKS = re.findall(r"```(?:python|toml|json)\n(.*?)```", GUIDE, re.DOTALL)
#: Blocks of Python that are cut from a file, with what they need of it in front.
CUTTINGS = [block for block in re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL) if block not in SHOWN.values()]


def pieces(block: str) -> list[str]:
    """What stands between the lines that say that something is left out."""
    return [piece.strip("\n") for piece in re.split(r"^ *# …$", block, flags=re.MULTILINE)]


def imports(code: str) -> dict[str, tuple[str, str]]:
    """The names that some code imports, and from where."""
    found: dict[str, tuple[str, str]] = {}
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
            found |= {one.asname or one.name: (module, one.name) for one in node.names}
    return found


def names(code: str) -> set[str]:
    """The names that some code uses."""
    return {node.id for node in ast.walk(ast.parse(textwrap.dedent(code))) if isinstance(node, ast.Name)}


def source_of(block: str) -> str:
    """The text of the file that every piece of a block stands in, to the letter."""
    cut = pieces(block) if block not in CUTTINGS else pieces(block)[1:]
    found = [text for text in SHOWN.values() if all(piece in text for piece in cut)]
    assert cut, f"it begins with no imports: {block}"
    assert found, f"it stands in no file of the example: {block}"
    return found[0]


@pytest.mark.parametrize("block", BLOCKS)
def test_the_guide_shows_what_runs(block: str) -> None:
    """Each piece of code in the guide stands, to the letter, in the example package, whose tests run."""
    assert source_of(block)


@pytest.mark.parametrize("block", CUTTINGS)
def test_a_cutting_brings_its_imports(block: str) -> None:
    """What is cut from a file imports in front what it uses, from where the file has it, and nothing else."""
    head, *cut = pieces(block)
    of_file, shown = imports(source_of(block)), imports(head)
    used = set().union(*map(names, cut))
    assert shown == {name: of_file[name] for name in used & of_file.keys()}
    for module, name in shown.values():
        assert importlib.import_module(module or name)


def test_the_guide_shows_a_package_that_is_whole() -> None:
    """Who copies the blocks has every file of a provider and of its tests, imports and build system with it."""
    needed = ["smmclient_examplepanel/__init__.py", "test_examplepanel.py", "test_replies.py", "pyproject.toml"]
    assert [name for name in needed if SHOWN[name] not in BLOCKS] == []
    assert len(CUTTINGS) == 2
    assert "\n[build-system]\n" in f"\n{SHOWN['pyproject.toml']}"


def test_the_guide_names_what_is_there() -> None:
    """Every file of the project that the guide links to is there."""
    links = re.findall(r"\]\(((?!https?:)[^)#]+)\)", GUIDE)
    missing = [link for link in links if not (TESTS.parent / "docs" / link).exists()]
    assert links
    assert missing == []


def test_the_guide_names_what_must_be_written() -> None:
    """Every abstract member of a Provider, and all that a Speech declares, is named in the guide, and is there."""
    declared = {name for name in vars(Speech) if not name.startswith("_") and not callable(getattr(Speech, name))}
    assert declared == {"words", "remembers_request_ids", "receipt_tells", "status_tells"}
    needed = Provider.__abstractmethods__ | declared | {"order", "batch_size", "orders()", "wishes()"}
    assert "account" in needed
    assert [name for name in sorted(needed) if f"`{name}`" not in GUIDE] == []
    assert all(hasattr(ProviderContract, name) for name in ("order", "batch_size", "orders", "wishes"))


def test_the_contract_is_as_large_as_the_guide_says() -> None:
    """More than seventy tests, and less than eighty."""
    assert "more than seventy tests" in GUIDE
    assert 70 < sum(name.startswith("test_") for name in dir(ProviderContract)) < 80
