"""How the form of an order is read: each kind's parameters checked as the convention has them."""

from datetime import datetime

from ..kinds import LISTS, kind_of
from ..values import SUBSCRIPTIONS, Draft, Reason, Refusal, Service
from .forms import Call, lines

_DELAYS = frozenset({0, 5, 10, 15, 20, 30, 40, 50, 60, 90, 120, 150, 180, 210, 240, 270, 300, 360, 420, 480, 540, 600})
"""Minutes: the longer of the two lists that panels have."""

_BY_TRAFFIC = {1: "google_keyword", 2: "referring_url"}
_MOST = {"device": 5, "type_of_traffic": 3}


def read_draft(call: Call, service: Service, *, runs: int) -> Draft:
    """Return what the form asks of this service; refuse a form that its kind cannot be ordered with."""
    kind = kind_of(service.type)
    for name in kind.needs:
        _check(call, name)
    if "type_of_traffic" in kind.needs and (needed := _BY_TRAFFIC.get(call.number("type_of_traffic"))):
        call.text(needed)
    if "delay" in kind.needs:
        _check_subscription(call, service)
    return Draft(
        service=service.id,
        link=call.text("link" if "link" in kind.needs else "username"),
        quantity=call.number("quantity") if "quantity" in kind.needs else None,
        runs=1 if kind is kind_of(SUBSCRIPTIONS) else runs,
        interval=call.number("interval") if call.has("interval") else 0,
        comments=lines(call, "comments"),
        usernames=lines(call, "usernames"),
    )


def _check(call: Call, name: str) -> None:
    call.text(name)
    if name in LISTS and not lines(call, name):
        raise Refusal(Reason.MISSING, field=name)
    if name in _MOST and not 1 <= call.number(name) <= _MOST[name]:
        raise Refusal(Reason.MALFORMED, field=name)


def _check_subscription(call: Call, service: Service) -> None:
    low, high = call.number("min"), call.number("max")
    if low < service.min:
        raise Refusal(Reason.QUANTITY_BELOW, field="min", limit=service.min)
    if high > service.max:
        raise Refusal(Reason.QUANTITY_ABOVE, field="max", limit=service.max)
    if low > high:
        raise Refusal(Reason.MALFORMED, field="max")
    if call.number("delay") not in _DELAYS:
        raise Refusal(Reason.MALFORMED, field="delay")
    for name in ("posts", "old_posts"):
        if call.has(name):
            call.number(name)
    if call.has("expiry"):
        try:
            datetime.strptime(call.text("expiry"), "%d/%m/%Y")
        except ValueError:
            raise Refusal(Reason.MALFORMED, field="expiry") from None
