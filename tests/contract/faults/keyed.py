"""Faults in the idempotency key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from attrs import evolve, frozen

from contract.faults.base import Faulty, Remembering, breaks
from smmclient import Capabilities, Dialect, OutcomeUnknown, Receipt, Support
from smmclient.dialect import V2
from smmclient.orders import AnyOrder
from smmclient.panel import Panel
from smmclient.wire import Operation, Safety
from smmclient_notpanel import NOTPANEL

CLAIMS_A_KEY = evolve(V2, capabilities=Capabilities(request_id=Support.YES))
PASSES_OVER_IT = evolve(V2, capabilities=Capabilities(request_id=Support.UNDOCUMENTED))

# A key that its panel does not know again: an order whose reply is lost is made twice.
breaks(
    "an_idempotency_key_is_claimed_where_it_is_kept",
    "a_lost_reply_is_an_unknown_outcome",
    "a_late_reply_is_an_unknown_outcome",
    "a_server_error_is_an_unknown_outcome",
    dialect=CLAIMS_A_KEY,
)(Panel)

# The panel knows an id again, and nobody asks it to.
breaks("an_idempotency_key_is_claimed_where_it_is_kept", speech=Remembering(), sound=NOTPANEL)(Panel)
breaks(
    "an_idempotency_key_is_claimed_where_it_is_kept",
    dialect=PASSES_OVER_IT,
    speech=Remembering(),
    sound=NOTPANEL,
)(Panel)


@frozen(kw_only=True)
class TrustsAnyId(Dialect):
    def add(self, order: AnyOrder, request_id: str | None) -> Operation[Receipt]:
        """An order that may be sent again, whatever the panel promises."""
        return evolve(super().add(order, request_id), safety=Safety.KEYED)


breaks(
    "a_request_id_is_no_key_without_a_promise",
    dialect=TrustsAnyId(name="v2", capabilities=PASSES_OVER_IT.capabilities),
    sound=PASSES_OVER_IT,
)(Panel)


@breaks("a_request_id_is_no_key_without_a_promise", dialect=PASSES_OVER_IT, sound=PASSES_OVER_IT)
class InvitesToRepeat(Faulty):
    async def placed(self, place: Callable[..., Awaitable[Receipt]], order: AnyOrder) -> Receipt:
        """An unknown outcome that invites to a second order."""
        try:
            return await place()
        except OutcomeUnknown as error:
            error.safe_to_repeat = True
            raise


@breaks("resuming_needs_a_request_id")
class NeverResumes(Faulty):
    async def placed(self, place: Callable[..., Awaitable[Receipt]], order: AnyOrder) -> Receipt:
        """Every call is the first."""
        return await place(resume=False)


@breaks("a_given_request_id_is_sent", "an_unknown_outcome_is_settled", dialect=NOTPANEL)
class AlwaysAFreshId(Faulty):
    async def placed(self, place: Callable[..., Awaitable[Receipt]], order: AnyOrder) -> Receipt:
        """Whatever id was given."""
        return await place(request_id=None, resume=False)


@breaks("a_request_id_that_a_panel_could_change", dialect=NOTPANEL)
class MendsIds(Faulty):
    async def add_order(self, order: AnyOrder, *, request_id: str | None = None, **given: Any) -> Receipt:
        """Cut to what fits."""
        return await super().add_order(order, request_id=(request_id or "")[:128].strip() or None, **given)
