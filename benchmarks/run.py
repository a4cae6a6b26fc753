"""Runs the benchmarks, prints their tables, and writes docs/performance.md: ``python benchmarks/run.py``."""

from __future__ import annotations

import argparse
import datetime as dt
import importlib
import importlib.metadata
import multiprocessing
import platform
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, cast

ROOT = Path(__file__).resolve().parents[1]
# Run as a script, only this folder is on the path.
sys.path[:1] = [str(ROOT)]

if TYPE_CHECKING:
    from benchmarks.tables import Table

REPORT = ROOT / "docs" / "performance.md"
NAMES = (
    "safety",
    "pacing",
    "statuses",
    "throughput",
    "peers",
    "catalog",
    "memory",
    "imports",
    "webhooks",
    "following",
    "bulk",
    "kills",
)
#: Those that take many minutes: they run when they are named (``--only``), not with all the others.
SLOW = ("kills",)
HELP = f"one of {', '.join(NAMES)}; {', '.join(SLOW)} only when named"
LIBRARIES = ("httpx", "httpcore", "aiohttp", "anyio", "attrs", "cattrs", "msgspec", "tenacity")
#: Seconds after which one benchmark is given up, and those that may take longer.
BOUND = 300.0
BOUNDS = {"bulk": 900.0, "kills": 1800.0}


def measure(name: str, quick: bool) -> tuple[Table, ...]:
    """Run one benchmark in this process."""
    module = importlib.import_module(f"benchmarks.{name}")
    return cast("Callable[[bool], tuple[Table, ...]]", module.measure)(quick)


def measure_apart(name: str, quick: bool) -> tuple[Table, ...]:
    """Run one benchmark in a process of its own, so that none meets the heap of another."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as processes:
        return processes.submit(measure, name, quick).result(BOUNDS.get(name, BOUND))


def machine() -> str:
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.partition(":")[2] for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        model = names[0].strip() if names else model
    cores = f"{multiprocessing.cpu_count()} cores"
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{model}, {cores}, {platform.system()} {platform.release()}, {python}"


def libraries() -> str:
    return ", ".join(f"{name} {importlib.metadata.version(name)}" for name in LIBRARIES)


def report(tables: list[Table], seconds: float) -> str:
    head = f"""# Performance

Measured, not estimated. Written by `python benchmarks/run.py` (or `nox -s bench`); do not edit.

* When: {dt.datetime.now(dt.UTC):%Y-%m-%d}, in {seconds:.0f} s
* Machine: {machine()}
* Libraries: {libraries()}

## How to read it

All traffic goes to 127.0.0.1. The panel runs in a process of its own, so that it and the client have a core each.
What is compared was run in turns, round by round, and figures are medians of the rounds: the ratios hold on other
machines, the absolute figures do not. A row in bold is a promise: `run.py` ends with an error when it does not hold.

Not here, because they take many minutes: {", ".join(f"`python benchmarks/run.py --only {name}`" for name in SLOW)}.

## The figures

"""
    return head + "\n".join(table.markdown() for table in tables)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=NAMES, action="append", metavar="NAME", help=HELP)
    parser.add_argument("--quick", action="store_true", help="fewer rounds: to see that all works")
    chosen = parser.parse_args()
    started = time.perf_counter()
    tables: list[Table] = []
    for name in chosen.only or [name for name in NAMES if name not in SLOW]:
        since = time.perf_counter()
        for table in measure_apart(name, chosen.quick):
            tables.append(table)
            print(table.text(), end="\n\n", flush=True)
        print(f"({name}: {time.perf_counter() - since:.1f} s)\n", flush=True)
    if chosen.only or chosen.quick:
        print(f"{REPORT.relative_to(ROOT)} is written by a whole run only.")
    else:
        REPORT.write_text(report(tables, time.perf_counter() - started), encoding="utf-8")
    broken = [promise for table in tables for promise in table.broken]
    for promise in broken:
        print(f"BROKEN: {promise}", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
