"""Panels on the SmartPanel script."""

from types import MappingProxyType

from ..values import Account, Order, Reason, Refusal, Service, State
from .convention import Dialect
from .forms import Body, Call
from .refusals import refusals_with


class SmartPanel(Dialect):
    """SmartPanel: lower-case words, ids and flags as text, no currency in a status, bare texts for bad rows.

    From the source of several copies of the script, and the documents of panels that run it.
    """

    # Seen in answers: pending and processing. The others are their analogues.
    words = MappingProxyType(
        {
            State.PENDING: "pending",
            State.IN_PROGRESS: "processing",
            State.COMPLETED: "completed",
            State.PARTIAL: "partial",
            State.CANCELED: "canceled",
        }
    )
    # The text about the key is stored with the spaces at its end. The others that differ from the convention's are
    # texts of panels that point to an "API Manual", as this script does.
    refusals = refusals_with(
        {
            Reason.INVALID_KEY: "API is Disable for this user or User Not Found! Contact the Support  ",
            Reason.UNKNOWN_ACTION: "This action is Invalid",
            Reason.MISSING: "There are missing required parameters. Please check your API Manual",
            Reason.UNKNOWN_SERVICE: "Service ID does not exists",
            Reason.QUANTITY_BELOW: "Quantity must to be greater than or equal to minimum amount",
            Reason.QUANTITY_ABOVE: "Quantity must to be less than or equal to maximum amount",
        }
    )

    def shown_id(self, order_id: str) -> str:
        """Return the id as text."""
        return order_id

    def service_row(self, service: Service, account: Account) -> dict[str, Body]:
        """Return a row of texts alone, flags and the id too."""
        row = super().service_row(service, account)
        flags = {name: str(int(getattr(service, name))) for name in ("dripfeed", "refill", "cancel")}
        return row | flags | {"service": str(service.id)}

    def added(self, order: Order) -> Body:
        """Return the id beside a status that is not the order's."""
        return {"status": "success", "order": order.id}

    def status_row(self, order: Order, now: float) -> dict[str, Body]:
        """Return the row with the order's id and without a currency."""
        row = super().status_row(order, now)
        del row["currency"]
        return {"order": order.id, **row}

    def status_error(self, refusal: Refusal) -> str:
        """Return the bare text in place of a row."""
        return self.text(refusal)

    def balance(self, call: Call) -> dict[str, Body]:
        """Return the balance beside a status of its own."""
        return {"status": "success", **super().balance(call)}
