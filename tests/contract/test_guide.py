"""What docs/adding-a-provider.md shows is what runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent
GUIDE = (TESTS.parent / "docs" / "adding-a-provider.md").read_text("utf-8")
#: Everything that the guide may show a piece of.
SHOWN = [
    path.read_text("utf-8")
    for path in sorted((TESTS / "third_party").rglob("*"))
    if path.suffix in (".py", ".toml", ".json")
]


@pytest.mark.parametrize("block", re.findall(r"```(?:python|toml|json)\n(.*?)```", GUIDE, re.DOTALL))
def test_the_guide_shows_what_runs(block: str) -> None:
    """Each piece of code in the guide stands, to the letter, in the example package, whose tests run."""
    assert any(block.strip("\n") in text for text in SHOWN), block


def test_the_guide_names_what_is_there() -> None:
    """Every file of the project that the guide links to is there, and it shows code at all."""
    links = re.findall(r"\]\(((?!https?:)[^)#]+)\)", GUIDE)
    missing = [link for link in links if not (TESTS.parent / "docs" / link).exists()]
    assert missing == []
    assert len(re.findall(r"```(?:python|toml|json)\n", GUIDE)) >= 5
