"""PanelBon, as its API page documents it (panelbon.com/app/webapp/api, read in 2026).

Quirks and what is unknown: ``docs/panels/panelbon.md``.
"""

from __future__ import annotations

from smmclient.dialect import Capabilities, Dialect, Fault, Support
from smmclient.errors import AuthenticationFailed, InsufficientFunds, Refused, UnknownOrder, UnknownService

__all__ = ["PANELBON"]

#: The page documents services, add, status (one and many), cancel (a list) and balance, and nothing else.
PANELBON = Dialect(
    name="panelbon",
    # The www form: a redirect from the bare host would turn the POST into a GET (our inference).
    base_url="https://www.panelbon.com/app/api/v2",
    capabilities=Capabilities(
        status_batch=Support.YES,
        refill=Support.NO,
        refill_status=Support.NO,
        cancel=Support.YES,
        dripfeed=Support.NO,
        packages=Support.NO,
        subscriptions=Support.NO,
        typed_orders=Support.NO,
        coupon=Support.NO,
        request_id=Support.NO,
        webhooks=Support.NO,
    ),
    # The page names no limit and no batch ceiling: 100 ids is the convention's.
    batch_size=100,
    texts={
        "Invalid API key": AuthenticationFailed,
        "Invalid parameters": Refused,
        "Insufficient balance": InsufficientFunds,
        "Incorrect service ID": UnknownService,
        "Incorrect order ID": UnknownOrder,
        # Sent with 502 when its own upstream fails. Whether the order was placed is unknown, so it is never sent again.
        "server error": Fault,
    },
    # 400 and 404 stand for several errors each: their text decides.
    statuses={401: AuthenticationFailed},
    charge_field="final_price",
)
