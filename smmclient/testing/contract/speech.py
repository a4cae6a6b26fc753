"""How the panel behind a provider speaks: what a request asks for, and what each reply looks like."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias
from urllib.parse import parse_qsl

from attrs import field, frozen

from smmclient.errors import (
    AuthenticationFailed,
    DuplicateOrder,
    InsufficientFunds,
    InvalidLink,
    InvalidQuantity,
    NotCancelable,
    NotRefillable,
    Refused,
    UnknownOrder,
    UnknownRefill,
    UnknownService,
)
from smmclient.testing.contract.server import Request
from smmclient.testing.transport import reply
from smmclient.wire import WireReply

__all__ = ["Call", "No", "Row", "Speech"]


@frozen
class Call:
    """What one request asks for, in the convention's terms.

    ``action`` is services, balance, add, status, refill, refill_status or cancel. ``ids`` are the orders or refills
    that are asked about, and ``several`` says that they were asked in the form for many. ``fields`` are the parameters
    of an add by the convention's names, as the panel understands them: of an order without drip-feed there are no runs.
    """

    action: str
    key: str | None = field(default=None, repr=False)
    ids: tuple[str, ...] = ()
    several: bool = False
    request_id: str | None = None
    fields: Mapping[str, str] = field(factory=dict, repr=False)


@frozen
class No:
    """The panel refuses one id, in these words."""

    text: str


#: What a panel says of one id: a status by the convention's field names, the id or the state of a refill, ``"1"`` for a
#: cancel that was accepted, or a refusal.
Row: TypeAlias = "Mapping[str, str] | str | No"


class Speech:
    """The convention. Override what your panel says otherwise; nothing here judges, it only speaks."""

    #: The panel's words for no, and the error that each must become. Leave out what your panel has no words for.
    words: Mapping[type[Refused], str] = {
        AuthenticationFailed: "Invalid API key",
        InsufficientFunds: "Not enough funds on balance",
        UnknownService: "Incorrect service ID",
        InvalidLink: "Bad link",
        InvalidQuantity: "Quantity less than minimal 50",
        DuplicateOrder: "You have active order with this link. Please wait until order being completed.",
        UnknownOrder: "Incorrect order ID",
        UnknownRefill: "Incorrect refill ID",
        NotRefillable: "Refill is disabled for this service",
        NotCancelable: "Order cannot be canceled",
    }
    #: Whether the panel makes one order of two calls with one request_id. True only with a documented source, named
    #: beside it: whoever says so without one has orders made and paid twice, and no test can see it.
    remembers_request_ids: bool = False
    #: What a receipt tells beside the order's id. Where yours tells no price, make it empty: `Receipt.charge` must be
    #: None then.
    receipt_tells: frozenset[str] = frozenset({"charge"})
    #: What a status tells beside the panel's word, by the names of `OrderStatus`; what it does not tell must be None.
    status_tells: frozenset[str] = frozenset({"charge", "start_count", "remains", "currency"})

    # ----------------------------------------------------------------------------------------------- what is asked

    def hear(self, request: Request) -> Call:
        """What a request asks for; whatever it raises fails the test with a word about the request."""
        form = dict(parse_qsl(request.body.decode("ascii"), keep_blank_values=True, strict_parsing=True))
        action = form.pop("action")
        key = form.pop("key", None)
        request_id = form.pop("request_id", None)
        one = "refill" if action == "refill_status" else "order"
        several = f"{one}s" in form
        ids = form.get(f"{one}s" if several else one)
        return Call(action, key, () if ids is None else tuple(ids.split(",")), several, request_id, form)

    # ------------------------------------------------------------------------------------------------- what is said

    def placed(self, call: Call, order: str, charge: str) -> WireReply:
        """An order was made, and ``charge`` is what is paid for it."""
        return reply({"order": order, **({"charge": charge} if "charge" in self.receipt_tells else {})})

    def refusal(self, call: Call, text: str) -> WireReply:
        """The call as a whole is refused."""
        return reply({"error": text})

    def contradiction(self, call: Call, order: str, text: str) -> WireReply | None:
        """A reply that holds both an order id and a refusal; None where your panel's form has no room for it."""
        return reply({"order": order, "error": text})

    def limited(self, call: Call, retry_after: str | None) -> WireReply:
        """The panel's limit is used up."""
        headers = {} if retry_after is None else {"retry-after": retry_after}
        return reply({"error": "Too many requests"}, 429, headers)

    def balance(self, call: Call, amount: str, currency: str) -> WireReply:
        """What is left."""
        return reply({"balance": amount, "currency": currency})

    def catalog(self, call: Call, rows: Sequence[Mapping[str, object]]) -> WireReply:
        """The services, each by the convention's field names."""
        return reply(list(rows))

    def statuses(self, call: Call, rows: Mapping[str, Row]) -> WireReply:
        """Where orders stand. An id that was asked for and has no row here must be missing from the reply."""
        if call.several:
            said = {one: {"error": row.text} if isinstance(row, No) else self._told(row) for one, row in rows.items()}
            return reply(said)
        return self._alone(call, rows, self._told)

    def _told(self, row: Row) -> object:
        if not isinstance(row, Mapping):
            return row
        return {name: value for name, value in row.items() if name == "status" or name in self.status_tells}

    def refills(self, call: Call, rows: Mapping[str, Row]) -> WireReply:
        """Refills that were taken, each with its id."""
        return self._listed(call, rows, "order", "refill")

    def refill_statuses(self, call: Call, rows: Mapping[str, Row]) -> WireReply:
        """Where refills stand, each with its word."""
        return self._listed(call, rows, "refill", "status")

    def cancellations(self, call: Call, rows: Mapping[str, Row]) -> WireReply:
        """Cancels that were accepted."""
        return self._listed(call, rows, "order", "cancel")

    def _listed(self, call: Call, rows: Mapping[str, Row], id_field: str, name: str) -> WireReply:
        if not call.several:
            return self._alone(call, rows, lambda row: {name: row})
        said = {one: {"error": row.text} if isinstance(row, No) else row for one, row in rows.items()}
        return reply([{id_field: one, name: row} for one, row in said.items()])

    def _alone(self, call: Call, rows: Mapping[str, Row], shape: Callable[[Row], object]) -> WireReply:
        row = rows.get(call.ids[0])
        if isinstance(row, No):
            return self.refusal(call, row.text)
        return reply({} if row is None else shape(row))
