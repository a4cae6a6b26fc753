"""The panel that the contract serves: it does what it is asked, counts it, and answers as a test wants it to."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import TypeAlias

from smmclient.testing.contract.server import Request, Sent, Server, encode
from smmclient.testing.contract.speech import Call, Row, Speech
from smmclient.testing.transport import reply
from smmclient.wire import WireReply

__all__ = [
    "ContractPanel",
    "Step",
    "acts_but_answers",
    "answers",
    "cuts",
    "does",
    "drops",
    "halves",
    "holds",
    "is_limited",
    "refuses",
]

#: What happens to one request.
Step: TypeAlias = "Callable[[ContractPanel, Call], Sent]"

STATUS: Mapping[str, str] = {
    "charge": "0.27819",
    "start_count": "3572",
    "status": "In progress",
    "remains": "157",
    "currency": "USD",
}
_GOOD: Mapping[str, Row] = {"status": STATUS, "refill": "77", "refill_status": "Completed", "cancel": "1"}


class ContractPanel:
    """One panel on a loopback port. Everything it was asked and has done is counted."""

    path = "/panel/api"

    def __init__(self, speech: Speech) -> None:
        self.speech = speech
        self.server = Server(self._answer)
        #: What it says when it is asked.
        self.amount, self.currency, self.charge = "1234567890.123456789", "USD", "0.90"
        self.rows: list[Mapping[str, object]] = []
        self._about: dict[str, list[Row | None]] = {}
        #: Requests that it could not read, and why.
        self.trouble: list[str] = []
        self._lock = threading.Lock()
        self.holding, self.release = threading.Event(), threading.Event()
        self.forget()

    def forget(self) -> None:
        """Begin anew: nothing was asked, nothing was done, every request is answered well."""
        self.requests: list[Request] = []
        #: Requests to other places than the panel's address: who follows a redirect comes there.
        self.strays: list[Request] = []
        self.calls: list[Call] = []
        #: The orders that were made; by request_id where the speech says that the panel knows those again.
        self.orders: dict[str, str] = {}
        #: Refills and cancels that were acted upon.
        self.acted: list[Call] = []
        self._steps: deque[Step] = deque()
        self._rest: Step = does

    @property
    def url(self) -> str:
        """Its address, to connect to."""
        return f"{self.server.origin}{self.path}"

    def asked(self, action: str) -> list[Call]:
        """The calls of one kind that arrived."""
        return [call for call in self.calls if call.action == action]

    # --------------------------------------------------------------------------------------- what a test wants of it

    def then(self, *steps: Step) -> None:
        """The next requests meet these, one each."""
        self._steps.extend(steps)

    def always(self, step: Step) -> None:
        """Every request meets this, once no step is left."""
        self._rest = step

    def about(self, one: str, *rows: Row | None) -> None:
        """What is said of an id, a row each time that it is asked about and the last one for ever; None: nothing."""
        self._about[one] = list(rows)

    # --------------------------------------------------------------------------------------------------- what it does

    def act(self, call: Call) -> WireReply:
        """Do what was asked for, and answer as a good panel does."""
        match call.action:
            case "add":
                known = call.request_id if self.speech.remembers_request_ids else None
                name = known or f"order number {len(self.orders) + 1}"
                return self.speech.placed(call, self.orders.setdefault(name, f"9{len(self.orders) + 1}"), self.charge)
            case "balance":
                return self.speech.balance(call, self.amount, self.currency)
            case "services":
                return self.speech.catalog(call, self.rows)
            case "status":
                return self.speech.statuses(call, self._rows_of(call))
            case "refill_status":
                return self.speech.refill_statuses(call, self._rows_of(call))
        self.acted.append(call)
        say = self.speech.refills if call.action == "refill" else self.speech.cancellations
        return say(call, self._rows_of(call))

    def _rows_of(self, call: Call) -> dict[str, Row]:
        rows: dict[str, Row] = {}
        for one in call.ids:
            said = self._about.get(one, [_GOOD[call.action]])
            row = said.pop(0) if len(said) > 1 else said[0]
            if row is not None:
                rows[one] = row
        return rows

    def _answer(self, request: Request) -> Sent:
        try:
            with self._lock:
                if not request.target.startswith(self.path):
                    self.strays.append(request)
                    return self.speech.placed(Call("add"), "666", self.charge)
                self.requests.append(request)
                call = self.speech.hear(request)
                self.calls.append(call)
                step = self._steps.popleft() if self._steps else self._rest
            with self._lock:
                sent = step(self, call)
            if step is holds:
                self.holding.set()
                self.release.wait(5)
            return sent
        except Exception as error:
            self.trouble.append(f"{request.method} {request.target}: {type(error).__name__}: {error}")
            return reply("the contract's panel could not read this", 500)


# ---------------------------------------------------------------------------------------------------------- the steps


def does(panel: ContractPanel, call: Call) -> Sent:
    """Act, and say so."""
    return panel.act(call)


def drops(panel: ContractPanel, call: Call) -> Sent:
    """Act, then close the connection without a byte."""
    panel.act(call)
    return None


def cuts(panel: ContractPanel, call: Call) -> Sent:
    """Act, then close the connection before the reply's end."""
    return encode(panel.act(call))[:-4]


def halves(panel: ContractPanel, call: Call) -> Sent:
    """Act, then answer with the first half of the body, as if it were the whole."""
    good = panel.act(call)
    return WireReply(good.status, good.headers, good.body[: len(good.body) // 2])


def holds(panel: ContractPanel, call: Call) -> Sent:
    """Act, then say nothing until the test is over, and close the connection."""
    panel.act(call)
    return None


def answers(said: WireReply) -> Step:
    """Answer that without acting."""
    return lambda panel, call: said


def acts_but_answers(said: WireReply) -> Step:
    """Act, then answer that."""

    def step(panel: ContractPanel, call: Call) -> Sent:
        panel.act(call)
        return said

    return step


def refuses(text: str) -> Step:
    """Refuse the call in these words, without acting."""
    return lambda panel, call: panel.speech.refusal(call, text)


def is_limited(retry_after: str | None = None) -> Step:
    """Say that the limit is used up, without acting."""
    return lambda panel, call: panel.speech.limited(call, retry_after)
