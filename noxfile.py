"""All checks: ``nox`` runs lint, types, tests on every Python found, and the tests against the built wheel."""

from __future__ import annotations

import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import nox

nox.needs_version = ">=2025.5.1"
nox.options.sessions = ["lint", "types", "tests", "wheel"]
nox.options.default_venv_backend = "virtualenv"
# A machine need not have every Python: the tests run on those it has.
nox.options.error_on_missing_interpreters = False

PROJECT = nox.project.load_toml("pyproject.toml")
TEST = nox.project.dependency_groups(PROJECT, "test")
LINT = nox.project.dependency_groups(PROJECT, "lint")
TYPES = nox.project.dependency_groups(PROJECT, "types")
PACKAGES = {"smmclient", "smmclient_panelbon", "smmclient_notpanel"}


def works(python: Path) -> bool:
    """Whether the interpreter starts."""
    return subprocess.run([python, "-c", ""], capture_output=True).returncode == 0


def find_pythons(*versions: str) -> list[str]:
    """Put every working interpreter of these versions on the PATH, and return the versions found.

    A pyenv shim on the PATH may stand for a version that is not switched on, so each is tried.
    """
    found = []
    for version in versions:
        name = f"python{version}"
        places = [Path(place) for place in os.environ["PATH"].split(os.pathsep)]
        places += sorted(Path.home().glob(f".pyenv/versions/{version}*/bin"), reverse=True)
        for place in places:
            if (place / name).is_file() and works(place / name):
                os.environ["PATH"] = f"{place}{os.pathsep}{os.environ['PATH']}"
                found.append(version)
                break
    return found


PYTHONS = find_pythons("3.11", "3.12", "3.13")


def run_tests(session: nox.Session) -> None:
    """Run pytest on all cores, temporary files in memory if that is possible: journals wait a lot for the disk."""
    memory = Path("/dev/shm")
    is_there = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2**30
    spread = ("-n", "auto", "--dist", "worksteal")
    session.run("pytest", *spread, *session.posargs, env={"TMPDIR": str(memory)} if is_there else {})


@nox.session
def lint(session: nox.Session) -> None:
    """Style, imports, docstrings, and the usual mistakes."""
    session.install(*LINT)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """mypy strict and pyright over everything."""
    session.install("-e", ".[all]", "nox", *TEST, *TYPES)
    session.run("mypy")
    session.run("pyright")


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """The tests, against the source."""
    session.install("-e", ".[all]", *TEST)
    run_tests(session)


@nox.session
def wheel(session: nox.Session) -> None:
    """The tests, against the built wheel, with nothing of the source tree in reach."""
    folder = Path(session.create_tmp()).resolve()
    shutil.rmtree(folder)
    folder.mkdir()
    session.run("pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), ".")
    (built,) = folder.glob("*.whl")
    names = {name.split("/")[0] for name in zipfile.ZipFile(built).namelist()}
    names = {name for name in names if not name.endswith(".dist-info")}
    if names != PACKAGES:
        session.error(f"the wheel holds {sorted(names)}, not {sorted(PACKAGES)}")
    session.install(f"{built}[all]", *TEST)
    for name in ("tests", "docs", "README.md", "pyproject.toml"):
        copy = shutil.copytree if Path(name).is_dir() else shutil.copy
        copy(name, folder / name)
    session.chdir(folder)
    run_tests(session)


@nox.session
def bench(session: nox.Session) -> None:
    """The figures of docs/performance.md, measured anew."""
    session.install("-e", ".[all]", *TEST)
    session.run("python", "benchmarks/run.py", *session.posargs)
