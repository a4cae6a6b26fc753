"""The clients of others, installed for the run into a folder that nothing but their own processes looks into."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

__all__ = ["PEERS", "install"]

#: Covered by .gitignore, and not a folder that others of this machine can write to.
CACHE = Path(__file__).resolve().parents[2] / ".nox" / "peers"
_REQUESTS = ("requests==2.34.2", "urllib3==2.8.0")
#: What each needs. optsmm's README asks for aiohttp without a version: it takes the one that is here.
PEERS: Mapping[str, tuple[str, ...]] = {
    "smmpy": ("smmpy==0.1.0", *_REQUESTS),
    "babismm": ("babismm==1.0.1", *_REQUESTS),
    "safesmm": ("safesmm==0.1.0",),
    "optsmm": ("optsmm==1.0.1",),
}
_PATIENCE = 120.0


def _install(name: str) -> Path | str:
    """Where it is, or why it is not there."""
    wanted = PEERS[name]
    place = CACHE / f"{'-'.join(wanted)}-{sys.implementation.cache_tag}"
    if place.is_dir():
        return place
    CACHE.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=CACHE))
    # Wheels only: no code of theirs runs before their own process does.
    options = ("--quiet", "--disable-pip-version-check", "--no-input", "--only-binary", ":all:", "--target", str(fresh))
    try:
        done = subprocess.run(
            (sys.executable, "-m", "pip", "install", *options, *wanted),
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        shutil.rmtree(fresh, ignore_errors=True)
        return f"pip: {type(error).__name__}"
    if done.returncode:
        shutil.rmtree(fresh, ignore_errors=True)
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or ["it failed"]
        return f"pip: {said[-1]}"
    try:
        # Under its name only when it is whole: a run that is broken off leaves no half of it.
        fresh.rename(place)
    except OSError:
        shutil.rmtree(fresh, ignore_errors=True)  # another run was quicker
    return place


def install() -> dict[str, Path | str]:
    """Where each peer is, or why it is not there; quick when an earlier run has installed it."""
    with ThreadPoolExecutor(len(PEERS)) as pool:
        return dict(zip(PEERS, pool.map(_install, PEERS), strict=True))
