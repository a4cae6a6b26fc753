"""What may be set about a sandbox's webhooks."""

from collections.abc import Sequence
from decimal import Decimal

from attrs import field, frozen

from .letters import Payload
from .signing import Signing

# Ours, short as a sandbox's orders are: how often and when NotPanel repeats a delivery is UNKNOWN.
RETRIES = (1.0, 2.0, 4.0, 8.0, 16.0)


@frozen(kw_only=True)
class WebhookRules:
    """How deliveries are made; `server.Options` says what each of these is."""

    signing: Signing = field(factory=Signing)
    payload: Payload = "full"
    retries: Sequence[float] = RETRIES
    is_local: bool = True
    balance_low: Decimal = Decimal(5)
    faults: float = 0.0

    def __attrs_post_init__(self) -> None:
        if self.payload not in ("full", "bare"):
            raise ValueError(f"webhook_payload is {self.payload!r}: it is full or bare")
        if any(not 0 <= pause < float("inf") for pause in self.retries):
            raise ValueError(f"webhook_retries are {self.retries}: pauses are seconds from 0 on")
        if not 0 <= self.faults <= 1:
            raise ValueError(f"webhook_faults is {self.faults}: a share lies between 0 and 1")
