"""What was paid: to the last digit what the panel said, of every order, and nothing where it did not say it."""

from __future__ import annotations

from smmclient.model import OrderStatus
from smmclient.testing.contract.base import ContractBase, exact, must, promise
from smmclient.testing.contract.panel import STATUS, ContractPanel

__all__ = ["Prices", "counted"]

#: Free of charge, in round figures, and with more digits than a float holds.
CHARGES = ("0.90", "0", "1500", "1234.000000000000000001")
#: What else can be wrong where a number is missing.
NOT_TOLD = "is another field read than the Speech says it in? Where the panel tells none, leave it out of status_tells"


def counted(status: object, tells: frozenset[str]) -> None:
    """Raise AssertionError unless the counts of a status are those of `STATUS`, and None where none is told."""
    for name in ("start_count", "remains"):
        number = getattr(status, name)
        if name in tells:
            is_told = type(number) is int and number == int(STATUS[name])
            must(is_told, f"{name} must be the int {STATUS[name]}, not {number!r}: {NOT_TOLD}")
        else:
            must(number is None, f"{name} must be None, because the Speech does not tell it, not {number!r}")


class Prices(ContractBase):
    """The charges of receipts and statuses."""

    @promise()
    async def test_the_charge_of_an_order_is_what_was_paid(self, panel: ContractPanel) -> None:
        """`Receipt.charge` is the exact Decimal that the reply names as paid, and None where replies name none."""
        async with self.connected(panel) as provider:
            for charge in CHARGES:
                panel.charge = charge
                receipt = await provider.add_order(self.order)
                if "charge" not in self.speech.receipt_tells:
                    of = f"charge must be None, because the Speech does not tell it, not {receipt.charge!r}"
                    must(receipt.charge is None, of)
                    continue
                must(
                    receipt.charge is not None,
                    f"charge must be Decimal({charge!r}), not None: charge_field must name the field that the Speech"
                    " says it in; where the panel's receipts tell no price, make the Speech's receipt_tells empty",
                )
                exact(receipt.charge, charge, "charge")

    @promise()
    async def test_the_charge_of_a_status_is_what_was_paid(self, panel: ContractPanel) -> None:
        """A status has each order's own charge, exactly, and its counts, asked for alone or among others."""
        charges = {str(number): charge for number, charge in enumerate(CHARGES, 1)}
        for one, charge in charges.items():
            panel.about(one, {**STATUS, "charge": charge})
        async with self.connected(panel) as provider:
            alone = {one: await provider.order_status(one) for one in charges}
            among = await provider.order_statuses(charges)
        for one, charge in charges.items():
            for status in (alone[one], among[one]):
                must(isinstance(status, OrderStatus), f"{one} must have its status, not {status!r}")
                self._is_charged(status, charge)
                counted(status, self.speech.status_tells)

    def _is_charged(self, status: object, charge: str) -> None:
        told, currency, dollars = getattr(status, "charge", None), getattr(status, "currency", None), STATUS["currency"]
        if "charge" in self.speech.status_tells:
            must(told is not None, f"the charge of a status must be Decimal({charge!r}), not None: {NOT_TOLD}")
            exact(told, charge, "the charge of a status")
        else:
            must(told is None, f"charge must be None, because the Speech does not tell it, not {told!r}")
        if "currency" in self.speech.status_tells:
            must(currency == dollars, f"currency must be {dollars!r}, not {currency!r}: {NOT_TOLD}")
