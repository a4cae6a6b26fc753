"""A sandbox's webhooks, as a test or a demonstration holds them: `sandbox.webhooks`."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from attrs import field, frozen

from ..engine import Engine
from ..happenings import Event
from ..values import Refusal
from .courier import Courier
from .faults import WebhookFault
from .letters import Writer
from .outbox import Attempt, Job, Outbox, Outcome, Record
from .sender import Sender

_LONGEST_WAIT = 3600.0


@frozen(kw_only=True)
class Delivery:
    """One event for one endpoint, as it stands at one moment."""

    event: str
    id: str
    """The event's id, the same for every attempt and every endpoint."""
    order: str | None
    webhook: str
    url: str
    happened_at: float
    fault: WebhookFault | None
    """What strikes it, if anything."""
    attempts: tuple[Attempt, ...]
    """Every POST that was made and is over, spoiled and added ones too, in the order they ended."""
    outcome: Outcome


@frozen(kw_only=True)
class Webhook:
    """An endpoint as `register` hands it out, with its secret."""

    id: str
    url: str
    events: tuple[str, ...]
    secret: str = field(repr=False)


class SandboxWebhooks:
    """What a panel pushes, to whom, and what goes wrong with it. Every method may be called from any thread."""

    def __init__(
        self,
        outbox: Outbox,
        writer: Writer,
        *,
        lock: threading.Lock,
        clock: Callable[[], float],
        engine: Engine,
        owner: tuple[str, str] | None,
    ) -> None:
        self._outbox = outbox
        self._writer = writer
        self._lock = lock
        self._clock = clock
        self._engine = engine
        self._owner = owner
        self._news = threading.Condition(lock)
        self._is_idle = threading.Condition(lock)
        self._courier: Courier | None = None
        self._may_run = False
        # Until when the courier waits by itself.
        self._waits_until = float("-inf")

    # -- what happened --------------------------------------------------------------------------------------

    @property
    def deliveries(self) -> tuple[Delivery, ...]:
        """The last 100,000 deliveries, oldest first, of all that has happened by now."""
        with self._lock:
            self._engine.settle(self._clock())
            return tuple(_snapshot(record) for record in self._outbox.records)

    def wait_until_idle(self, timeout: float = 5.0) -> bool:
        """Return True as soon as nothing that has happened is still to be sent, or False after so many seconds.

        What waits for another attempt is still to be sent; an order that is not over has not happened.
        """
        with self._lock:
            self._engine.settle(self._clock())
            self.stir()
            return self._is_idle.wait_for(lambda: not self._outbox.open_jobs, timeout)

    # -- what happens next ----------------------------------------------------------------------------------

    def register(self, url: str, events: Sequence[str] = ()) -> Webhook:
        """Return a new endpoint of the sandbox's own key, as `webhook.add` does; all events if none is named.

        Raises ValueError where the panel would refuse it.
        """
        if self._owner is None:
            raise ValueError("this panel has no webhooks")
        account, key = self._owner
        with self._lock:
            try:
                hook = self._outbox.hooks.add(account, key, url, events, now=self._clock())
            except Refusal as refusal:
                raise ValueError(f"{url!r} is refused: {refusal.reason.name.lower()} {refusal.field}") from refusal
            self.stir()
        return Webhook(id=hook.id, url=hook.url, events=hook.events, secret=hook.secret)

    def fault(
        self,
        fault: WebhookFault | str,
        *,
        event: str = "*",
        times: int | None = None,
        probability: float | None = None,
        seconds: float = 1.0,
    ) -> None:
        """Let the fault strike deliveries of this event, or of any, from now on.

        Without times and probability it strikes once; with a probability alone, until healed. Faults for the same
        event strike in the order they were asked for. `WebhookFault` says what the seconds are.

        ``sandbox.webhooks.fault("lose", probability=0.2)`` loses a fifth of them.
        """
        if event != "*":
            event = Event(event)
        with self._lock:
            self._outbox.faults.add(event, WebhookFault(fault), times=times, probability=probability, seconds=seconds)

    def heal(self) -> None:
        """Forget every fault that has not struck yet."""
        with self._lock:
            self._outbox.faults.heal()

    def deliver_due(self) -> int:
        """Send all that is due by the panel's clock, one after the other in this thread; return how many were sent.

        For a sandbox with a clock of its own, where nothing is sent by itself: turn the clock, then call this.
        """
        sender, sent = Sender(), 0
        try:
            while jobs := self._take_due():
                for job in jobs:
                    self._deliver(job, sender)
                sent += len(jobs)
        finally:
            sender.close()
        return sent

    # -- for the sandbox ------------------------------------------------------------------------------------

    @contextmanager
    def in_background(self) -> Iterator[None]:
        """Return a context in which everything is sent as soon as it is due."""
        self._may_run = True
        try:
            yield
        finally:
            with self._lock:
                self._may_run = False
                self._news.notify()
            if self._courier is not None:
                self._courier.join()

    def stir(self) -> None:
        """Look whether something is due earlier than was thought; called with the lock held."""
        if not self._outbox.open_jobs:
            self._is_idle.notify_all()
        if not self._may_run:
            return
        if self._courier is None and len(self._outbox.hooks):
            self._courier = Courier(self._wait, self._deliver, self._outbox.hooks.__contains__)
        if self._next_look() < self._waits_until:
            self._news.notify()

    # -- inside ---------------------------------------------------------------------------------------------

    def _wait(self) -> list[Job] | None:
        """Return what is due as soon as there is something, or None once the sandbox closes."""
        with self._lock:
            while self._may_run:
                now = self._clock()
                self._engine.settle(now)
                self._waits_until = float("-inf")
                if jobs := self._outbox.take(now):
                    return jobs
                self._waits_until = self._next_look()
                self._news.wait(min(self._waits_until - now, _LONGEST_WAIT))
            return None

    def _next_look(self) -> float:
        """Return when something is due, or may be."""
        nexts = (self._engine.next_end, self._outbox.next_due)
        return min((due for due in nexts if due is not None), default=float("inf"))

    def _take_due(self) -> list[Job]:
        with self._lock:
            now = self._clock()
            self._engine.settle(now)
            return self._outbox.take(now)

    def _deliver(self, job: Job, sender: Sender) -> None:
        record, sent_at = job.record, self._clock()
        letter = job.letter or self._writer.write(
            record.hook, record.event_id, record.happening, at=sent_at, fault=job.fault
        )
        status = sender.post(letter)
        with self._lock:
            self._outbox.finish(job, letter, sent_at=sent_at, status=status, now=self._clock())
            self.stir()


def _snapshot(record: Record) -> Delivery:
    order = record.happening.order
    return Delivery(
        event=record.happening.event,
        id=record.event_id,
        order=None if order is None else order.id,
        webhook=record.hook.id,
        url=record.hook.url,
        happened_at=record.happening.at,
        fault=record.fault,
        attempts=tuple(record.attempts),
        outcome=record.outcome,
    )
