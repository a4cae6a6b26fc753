"""What a panel documents that it has."""

from __future__ import annotations

import enum

from attrs import frozen

__all__ = ["Capabilities", "Support"]


class Support(enum.Enum):
    """What the panel's documents say of a feature. Only NO stops a call before any I/O."""

    YES = "yes"
    NO = "no"
    UNDOCUMENTED = "undocumented"


@frozen(kw_only=True)
class Capabilities:
    """The features of a panel, as its documents have them; what they pass over is UNDOCUMENTED."""

    #: ``action=status`` with several ids.
    status_batch: Support = Support.UNDOCUMENTED
    refill: Support = Support.UNDOCUMENTED
    refill_status: Support = Support.UNDOCUMENTED
    cancel: Support = Support.UNDOCUMENTED
    #: ``runs`` and ``interval``.
    dripfeed: Support = Support.UNDOCUMENTED
    packages: Support = Support.UNDOCUMENTED
    subscriptions: Support = Support.UNDOCUMENTED
    #: The other kinds of order: comments, mentions, polls …
    typed_orders: Support = Support.UNDOCUMENTED
    coupon: Support = Support.UNDOCUMENTED
    #: An idempotency key that the panel promises to honour.
    request_id: Support = Support.NO
    webhooks: Support = Support.NO
