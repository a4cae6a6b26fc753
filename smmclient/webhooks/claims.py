"""What a receiver claims for a delivery, and for how long."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import anyio

from smmclient.webhooks.payload import WebhookEvent, identity
from smmclient.webhooks.replays import Claim, ReplayGuard
from smmclient.webhooks.scheme import Scheme
from smmclient.webhooks.signing import Verified

__all__ = ["Claims"]

#: Seconds that a claim holds while the event is being handled: after a crash it is free again by then.
_LEASE = 60.0
#: Seconds beyond the tolerance for which a delivery is remembered, because clocks are read at different moments.
_SLACK = 60.0


class Claims:
    """Claims deliveries at a replay guard: all that stands for one, or none of it."""

    def __init__(
        self, guard: ReplayGuard, *, scheme: Scheme, tolerance: float, remember: float, clock: Callable[[], float]
    ) -> None:
        self._guard, self._scheme, self._clock = guard, scheme, clock
        self._tolerance, self._remember = tolerance, remember

    def tokens(self, verified: Verified, event: WebhookEvent) -> dict[str, float]:
        """What stands for a delivery, and until when each is to be known once it is handled."""
        end, known = self._end_of(verified), identity(event, scheme=self._scheme)
        if known is None:
            return {verified.token: end}
        longer = max(end, self._clock() + self._remember)
        if verified.id is None or "{id}" in self._scheme.signed:
            # The event's id is signed, so that no repeat of the delivery can have another: one claim does for both.
            return {known: longer}
        return {verified.token: end, known: longer}

    def _end_of(self, verified: Verified) -> float:
        """Until when the delivery could come again and be believed."""
        if verified.timestamp is None or not self._scheme.covers_timestamp:
            return self._clock() + self._remember
        return verified.timestamp + self._tolerance + _SLACK

    async def take(self, tokens: Iterable[str]) -> Claim:
        """NEW if all of them are ours now, for as long as an event may take to be handled."""
        lease = self._clock() + _LEASE
        mine: list[str] = []
        answer: Claim | None = None
        try:
            for token in tokens:
                answer = None
                answer = await self._guard.claim(token, lease)
                if answer is not Claim.NEW:
                    return answer
                mine.append(token)
            return Claim.NEW
        finally:
            if answer is not Claim.NEW and mine:
                with anyio.CancelScope(shield=True):
                    await self.release(mine)

    async def keep(self, tokens: Mapping[str, float]) -> None:
        """The event is handled: hold them to their end."""
        for token, end in tokens.items():
            await self._guard.keep(token, end)

    async def release(self, tokens: Iterable[str]) -> None:
        """The event is not handled: it may come again."""
        for token in tokens:
            await self._guard.release(token)
