"""What is to be sent when, as arithmetic over a given time: no I/O, no threads, no clock.

* what happened is put in once, and makes one delivery for each endpoint that was there for it;
* a delivery is attempted until it is answered with 2xx, or as often as there are pauses to wait and once more;
* an attempt that was taken out must be handed back with what it was answered.
"""

from collections import deque
from collections.abc import Sequence
from enum import StrEnum
from heapq import heapify, heappop, heappush
from random import Random

from attrs import define, field, frozen

from ..happenings import Happening
from ..ids import ulid
from ..strikes import Mishap, Strikes
from .faults import EXTRA, WebhookFault
from .hooks import Hook, Hooks
from .letters import Letter

_REMEMBERED = 100_000


class Outcome(StrEnum):
    """What has become of a delivery, as far as the panel knows."""

    WAITING = "waiting"
    """It has not been taken yet, and will be tried again."""
    DELIVERED = "delivered"
    """An attempt was answered with 2xx."""
    GIVEN_UP = "given up"
    """No attempt was, and there will be no other."""
    LOST = "lost"
    """It was never sent: a fault."""
    DROPPED = "dropped"
    """Its endpoint was removed before it was taken."""
    WITHHELD = "withheld"
    """Its endpoint is not on this machine, and the sandbox does not call others."""


@frozen(kw_only=True)
class Attempt:
    """One POST that was made: when, by the panel's clock, and the status of the answer; None if none came.

    The fault is what spoiled it, or what added it to the panel's own.
    """

    at: float
    status: int | None
    fault: WebhookFault | None = None


@define(eq=False, kw_only=True)
class Record:
    """A delivery on its way."""

    hook: Hook
    event_id: str
    happening: Happening
    number: int
    mishap: Mishap[WebhookFault] | None
    attempts: list[Attempt] = field(factory=list)
    tries: int = 0
    outcome: Outcome = Outcome.WAITING

    @property
    def fault(self) -> WebhookFault | None:
        """What strikes it."""
        return None if self.mishap is None else self.mishap.fault

    @property
    def subject(self) -> str:
        """What it is about: attempts with the same subject are made one after the other."""
        order = self.happening.order
        return self.happening.event if order is None else order.id


@define(eq=False)
class Job:
    """One attempt that is due at some time; `letter` are the bytes of a replay."""

    record: Record
    fault: WebhookFault | None = None
    letter: Letter | None = None
    is_taken: bool = False


class Outbox:
    """Every delivery there is."""

    def __init__(self, hooks: Hooks, *, retries: Sequence[float], seed: int) -> None:
        self.records: deque[Record] = deque(maxlen=_REMEMBERED)
        self.faults = Strikes[WebhookFault](seed=seed)
        self.open_jobs = 0
        self.hooks = hooks
        self._retries = tuple(retries)
        self._chance = Random((seed << 8) + 6)  # noqa: S311 - ids, not secrets
        self._heap: list[tuple[float, int, Job]] = []
        self._held: dict[str, list[Job]] = {}
        self._numbers = 0
        self._pushes = 0

    @property
    def next_due(self) -> float | None:
        """When the next attempt is due, None if there is nothing to send."""
        return self._heap[0][0] if self._heap else None

    def put(self, happening: Happening) -> None:
        """Let everybody know who asked to."""
        hooks = list(self.hooks.told_of(happening))
        # One id for all endpoints: it is one event.
        event_id = f"evt_{ulid(happening.at, self._chance)}" if hooks else ""
        for hook in hooks:
            self._numbers += 1
            mishap = self.faults.draw(happening.event) if self.hooks.is_local else None
            record = Record(hook=hook, event_id=event_id, happening=happening, number=self._numbers, mishap=mishap)
            self.records.append(record)
            self._start(record)

    def take(self, now: float) -> list[Job]:
        """Return the attempts that are due, the longest due first."""
        due: list[Job] = []
        while self._heap and self._heap[0][0] <= now:
            job = heappop(self._heap)[2]
            # What was held back and let go early stands in the heap twice.
            if not job.is_taken:
                job.is_taken = True
                due.append(job)
        return due

    def finish(self, job: Job, letter: Letter, *, sent_at: float, status: int | None, now: float) -> None:
        """Note what an attempt came to, and decide what comes of it."""
        record = job.record
        self.open_jobs -= 1
        record.attempts.append(Attempt(at=sent_at, status=status, fault=job.fault))
        for held in self._let_go(record):
            self._push(held, now)
        if job.fault in EXTRA or record.outcome is not Outcome.WAITING:
            return
        record.tries += 1
        if status is not None and 200 <= status < 300:
            record.outcome = Outcome.DELIVERED
            self._repeat(record, letter, now)
        elif record.hook.id not in self.hooks:
            record.outcome = Outcome.DROPPED
        elif record.tries > len(self._retries):
            record.outcome = Outcome.GIVEN_UP
        else:
            self._add(Job(record), now + self._retries[record.tries - 1])

    def remove(self, key: str, hook_id: str) -> Hook:
        """Forget the key's endpoint, and send it nothing more; what is in the air stays there."""
        hook = self.hooks.remove(key, hook_id)
        self._forget(hook)
        return hook

    # -- inside ---------------------------------------------------------------------------------------------

    def _start(self, record: Record) -> None:
        at = record.happening.at
        seconds = 0.0 if record.mishap is None else record.mishap.seconds
        if not self.hooks.is_local:
            record.outcome = Outcome.WITHHELD
            return
        match record.fault:
            case WebhookFault.LOSE:
                record.outcome = Outcome.LOST
            case WebhookFault.DELAY:
                self._add(Job(record), at + seconds)
            case WebhookFault.REORDER:
                job = Job(record)
                self._held.setdefault(record.hook.id, []).append(job)
                self._add(job, at + seconds)
            case WebhookFault.FORGE:
                self._add(Job(record, WebhookFault.FORGE), at)
                self._add(Job(record), at)
            case WebhookFault.TRUNCATE:
                self._add(Job(record, WebhookFault.TRUNCATE), at)
            case _:
                self._add(Job(record), at)

    def _forget(self, hook: Hook) -> None:
        gone = {id(job): job for _, _, job in self._heap if job.record.hook.id == hook.id and not job.is_taken}
        self.open_jobs -= len(gone)
        for job in gone.values():
            if job.record.outcome is Outcome.WAITING:
                job.record.outcome = Outcome.DROPPED
        self._heap = [entry for entry in self._heap if entry[2].record.hook.id != hook.id]
        heapify(self._heap)
        self._held.pop(hook.id, None)

    def _repeat(self, record: Record, letter: Letter, now: float) -> None:
        """Send what was taken once more, if that is what strikes it."""
        if record.mishap is None or record.hook.id not in self.hooks:
            return
        due = now + record.mishap.seconds
        if record.fault is WebhookFault.DUPLICATE:
            self._add(Job(record, WebhookFault.DUPLICATE), due)
        if record.fault is WebhookFault.REPLAY:
            self._add(Job(record, WebhookFault.REPLAY, letter), due)

    def _let_go(self, sent: Record) -> list[Job]:
        """Return what was held back until this later one had been sent."""
        held = self._held.get(sent.hook.id)
        if not held:
            return []
        self._held[sent.hook.id] = [job for job in held if job.record.number >= sent.number and not job.is_taken]
        return [job for job in held if job.record.number < sent.number and not job.is_taken]

    def _add(self, job: Job, due: float) -> None:
        self.open_jobs += 1
        self._push(job, due)

    def _push(self, job: Job, due: float) -> None:
        self._pushes += 1
        heappush(self._heap, (due, self._pushes, job))
