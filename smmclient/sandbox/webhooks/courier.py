"""Threads that carry deliveries out while a sandbox runs: one that waits for what is due, and lanes that post it.

An endpoint has lanes of its own, so that a slow one holds up no other, and what concerns one order always takes the
same lane, so that it arrives in order unless an attempt fails. Nothing is started before the first endpoint is there.
"""

import threading
from collections.abc import Callable
from queue import SimpleQueue
from zlib import crc32

from .outbox import Job
from .sender import Sender

_LANES = 8
_PATIENCE = 1.0

Deliver = Callable[[Job, Sender], None]


class _Lane:
    """One thread, one connection, one attempt after the other."""

    def __init__(self, deliver: Deliver, *, name: str) -> None:
        self._deliver = deliver
        self._sender = Sender()
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._is_stopping = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def put(self, job: Job) -> None:
        """Post this behind what is there already."""
        self._jobs.put(job)

    def retire(self) -> None:
        """End when all that is there has been posted."""
        self._jobs.put(None)

    def stop(self) -> None:
        """End at once."""
        self._is_stopping = True
        self._jobs.put(None)
        self._sender.abort()

    def join(self) -> None:
        """Wait for the end, but not for long: an attempt may be in the middle of connecting."""
        self._thread.join(_PATIENCE)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None and not self._is_stopping:
            self._deliver(job, self._sender)
        self._sender.close()


class Courier:
    """Waits for what is due and hands it to the lanes; `wait` blocks until then, and returns None at the end."""

    def __init__(self, wait: Callable[[], list[Job] | None], deliver: Deliver, is_there: Callable[[str], bool]) -> None:
        self._wait = wait
        self._deliver = deliver
        self._is_there = is_there
        self._lanes: dict[tuple[str, int], _Lane] = {}
        self._started: list[_Lane] = []
        self._thread = threading.Thread(target=self._run, name="sandbox-webhooks", daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Stop every lane; called when `wait` has returned None, or is about to."""
        self._thread.join()
        for lane in self._started:
            lane.stop()
        for lane in self._started:
            lane.join()

    def _run(self) -> None:
        while (jobs := self._wait()) is not None:
            for job in jobs:
                self._lane_for(job).put(job)
            for key in [key for key in self._lanes if not self._is_there(key[0])]:
                self._lanes.pop(key).retire()

    def _lane_for(self, job: Job) -> _Lane:
        number = crc32(job.record.subject.encode()) % _LANES
        key = (job.record.hook.id, number)
        if key not in self._lanes:
            self._lanes[key] = lane = _Lane(self._deliver, name=f"sandbox-webhooks-{number}")
            self._started.append(lane)
        return self._lanes[key]
