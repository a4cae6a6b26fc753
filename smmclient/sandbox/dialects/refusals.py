"""The convention's words for no, by reason, with the status that most panels send them with."""

from collections.abc import Mapping
from types import MappingProxyType

from ..values import Reason

# Most panels answer 200 to everything. The last rows, from the rate limit on, are the server's own.
REFUSALS: Mapping[Reason, tuple[int, str]] = MappingProxyType(
    {
        Reason.INVALID_KEY: (200, "Invalid API key"),
        Reason.SUSPENDED: (200, "Account suspended"),
        Reason.UNKNOWN_ACTION: (200, "Incorrect action"),
        Reason.MISSING: (200, "Missing required parameter: {field}"),
        Reason.MALFORMED: (200, "Incorrect {field}"),
        Reason.TOO_MANY_IDS: (200, "Incorrect order IDs"),
        Reason.UNKNOWN_SERVICE: (200, "Incorrect service ID"),
        Reason.BAD_LINK: (200, "Bad link"),
        Reason.QUANTITY_BELOW: (200, "Quantity less than minimal {limit}"),
        Reason.QUANTITY_ABOVE: (200, "Quantity more than maximum {limit}"),
        Reason.NO_DRIPFEED: (200, "Dripfeed is not supported by this service"),
        Reason.BAD_COUPON: (200, "Incorrect coupon"),
        Reason.NO_FUNDS: (200, "Not enough funds on balance"),
        Reason.DUPLICATE: (200, "You have active order with this link. Please wait until order being completed."),
        Reason.REQUEST_ID_REUSED: (200, "Incorrect {field}"),
        Reason.UNKNOWN_ORDER: (200, "Incorrect order ID"),
        Reason.NOT_CANCELABLE: (200, "Order cannot be canceled"),
        Reason.NOT_REFILLABLE: (200, "Refill is disabled for this service"),
        Reason.NOT_FINISHED: (200, "Order is not completed"),
        Reason.REFILL_CAP: (200, "Order is not eligible for refill"),
        Reason.REFILL_ACTIVE: (200, "Order is not eligible for refill"),
        Reason.UNKNOWN_REFILL: (200, "Incorrect refill ID"),
        # Asked for at one panel only, which documents the rules and no texts.
        Reason.BAD_WEBHOOK: (200, "Incorrect webhook url: {field}"),
        Reason.TOO_MANY_WEBHOOKS: (200, "No more than {limit} webhooks per key"),
        Reason.UNKNOWN_WEBHOOK: (200, "Incorrect webhook ID"),
        Reason.RATE_LIMITED: (429, "Rate limit exceeded"),
        Reason.SERVER_ERROR: (500, "Internal server error"),
        Reason.TOO_LARGE: (413, "Payload too large"),
        Reason.WRONG_METHOD: (405, "Method not allowed"),
        Reason.WRONG_PATH: (404, "Not found"),
    }
)


def refusals_with(changes: Mapping[Reason, str | int | tuple[int, str]]) -> Mapping[Reason, tuple[int, str]]:
    """Return the convention's refusals with these texts, statuses, or both, in place of its own."""
    changed = dict(REFUSALS)
    for reason, change in changes.items():
        status, text = REFUSALS[reason]
        if isinstance(change, tuple):
            changed[reason] = change
        else:
            changed[reason] = (change, text) if isinstance(change, int) else (status, change)
    return MappingProxyType(changed)
