"""The sandbox stands alone: it shares no code with the client, and asks for uvicorn only when it serves."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import smmclient.sandbox
from smmclient.sandbox import serve

ROOT = Path(smmclient.sandbox.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Return the full names of the modules that a file of the sandbox imports."""
    package = ["smmclient", "sandbox", *path.parent.relative_to(ROOT).parts]
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            up = package[: len(package) - node.level + 1] if node.level else []
            names.add(".".join([*up, *([node.module] if node.module else [])]))
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_of_the_client_is_imported(path: Path) -> None:
    """No file of the sandbox imports from smmclient outside of the sandbox."""
    ours = {name for name in imported(path) if name.split(".")[0] == "smmclient"}
    assert all(name.startswith("smmclient.sandbox") for name in ours)


def test_importing_the_sandbox_does_not_import_uvicorn() -> None:
    """`import smmclient.sandbox` loads neither uvicorn nor its parsers."""
    code = "import sys, smmclient.sandbox; print(sorted({'uvicorn', 'httptools', 'h11'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_without_uvicorn_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where uvicorn is not installed, serving raises ImportError that says what to install."""
    monkeypatch.delitem(sys.modules, "smmclient.sandbox.listener", raising=False)
    monkeypatch.delattr(smmclient.sandbox, "listener", raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn.config", None)
    with pytest.raises(ImportError, match=r'pip install "smmclient\[sandbox\]"'):
        serve("notpanel")
