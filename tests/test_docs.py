"""What the documents show works as it stands."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import smmclient

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
PAGES = [README, (ROOT / "docs" / "webhooks.md").read_text("utf-8") if (ROOT / "docs").exists() else ""]
#: Examples that run by themselves; the others show a part.
EXAMPLES = [
    example
    for page in PAGES
    for example in re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    if ".run(main)" in example
]
MODULES = [
    module.name
    for module in pkgutil.walk_packages(smmclient.__path__, "smmclient.")
    if not module.name.endswith("__main__")
]


@pytest.mark.parametrize("name", ["smmclient", *MODULES])
def test_docstring_examples(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every example in a docstring prints what it says."""
    from smmclient import registry

    monkeypatch.setattr(registry, "_registered", dict(registry._registered))
    failed, _ = doctest.testmod(importlib.import_module(name))
    assert failed == 0


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples(example: str, tmp_path: Path) -> None:
    """The Python of the README, and of pages beside it, runs as it stands, and follows an order to its end."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", example], capture_output=True, text=True, timeout=60, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert len(EXAMPLES) >= len(re.findall(r"```python", README))
    assert "completed" in done.stdout or "partial" in done.stdout or "canceled" in done.stdout


def test_the_first_two_commands() -> None:
    """The README's first commands are the set-up with the main job, and the checks, each on one line."""
    commands = re.findall(r"^python3 .*$", README, re.MULTILINE)
    assert commands == [
        'python3 -m venv .venv && .venv/bin/pip install ".[all]" && .venv/bin/smm demo',
        "python3 -m venv .venv && .venv/bin/pip install nox && .venv/bin/nox",
    ]


def test_the_page_of_features_is_made_from_the_facts() -> None:
    """It says of each panel what its capabilities say, today."""
    script = ROOT / "docs" / "features.py"
    if not script.exists():
        pytest.skip("the wheel ships no documents")
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
