"""A provider from a package that smmclient knows nothing of: found by its entry point, and used like any other."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from test_examplepanel import ExampleSpeech
from test_exoticpanel import ExoticSpeech

from smmclient.testing import ProviderContract, Speech

PACKAGE = Path(__file__).parent.parent / "third_party"


@pytest.fixture
def installed(tmp_path: Path) -> str:
    """A search path on which the package is, with what an installer writes down of it: no build, no network."""
    project = tomllib.loads((PACKAGE / "pyproject.toml").read_text("utf-8"))["project"]
    written = tmp_path / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    written.mkdir()
    (written / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    lines = [
        f"[{group}]\n" + "".join(f"{n} = {t}\n" for n, t in of.items()) for group, of in project["entry-points"].items()
    ]
    (written / "entry_points.txt").write_text("\n".join(lines))
    (tmp_path / "smmclient_examplepanel").symlink_to(PACKAGE / "smmclient_examplepanel")
    return str(tmp_path)


CODE = """
import sys
import anyio
import smmclient

async def main(name, key, url):
    async with smmclient.connect(name, api_key=key, base_url=url) as panel:
        receipt = await panel.add_order(smmclient.Order(service=1, link="https://example.com/p", quantity=100))
        print(panel.name, receipt.order, receipt.charge, (await panel.balance()).amount)

print({"examplepanel", "exoticpanel"} <= set(smmclient.providers()))
print("smmclient_examplepanel" in sys.modules)
anyio.run(main, *sys.argv[1:])
"""


@pytest.mark.parametrize(("name", "speech"), [("examplepanel", ExampleSpeech()), ("exoticpanel", ExoticSpeech())])
def test_an_installed_provider_is_found(name: str, speech: Speech, installed: str) -> None:
    """A package's panels are listed without importing it, and `connect` takes them by name."""
    contract = ProviderContract()
    contract.speech = speech
    with contract.serve() as panel:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", CODE, name, contract.api_key, panel.url],
            env={"PYTHONPATH": installed},
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.stderr == ""
    assert done.stdout.split() == ["True", "False", name, "91", "0.90", panel.amount]
    assert [call.key for call in panel.calls] == [contract.api_key] * 2


#: Without pytest, as if it were not installed.
BY_UNITTEST = "import sys, unittest; sys.modules['pytest'] = None; unittest.main(None, argv=['-', 'test_examplepanel'])"


def test_unittest_runs_the_contract() -> None:
    """A contract class that inherits `unittest.TestCase` too is found by unittest, with every one of its tests."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", BY_UNITTEST], cwd=PACKAGE, capture_output=True, text=True, timeout=120
    )
    promises = [name for name in dir(ProviderContract) if name.startswith("test_")]
    assert done.returncode == 0, done.stderr
    assert f"Ran {len(promises)} tests" in done.stderr
