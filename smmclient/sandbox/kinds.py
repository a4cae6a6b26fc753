"""The kinds of service that the convention knows: what each is ordered with, and how its units are counted."""

from collections.abc import Mapping
from types import MappingProxyType

from attrs import frozen

from .values import CUSTOM_COMMENTS, DEFAULT, PACKAGE, SUBSCRIPTIONS, Draft, Reason, Refusal, Service

LISTS = frozenset({"comments", "usernames", "hashtags", "keywords", "groups"})
"""The parameters with one entry a line."""


@frozen
class Kind:
    """What an order of this kind must have, in the order it is looked at, and which of it counts the units.

    Where nothing counts them, an order is for the service's own size, its `min`.
    """

    needs: tuple[str, ...]
    counted_by: str | None = "quantity"


# The parameters are those of PerfectPanel's text, which most panels copy word for word. What a subscription is
# billed is not in it: here it is one package, as NotPanel documents.
KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        DEFAULT: Kind(("link", "quantity")),
        PACKAGE: Kind(("link",), None),
        SUBSCRIPTIONS: Kind(("username", "min", "max", "delay"), None),
        CUSTOM_COMMENTS: Kind(("link", "comments"), "comments"),
        "Custom Comments Package": Kind(("link", "comments"), None),
        "SEO": Kind(("link", "quantity", "keywords")),
        "Mentions": Kind(("link", "quantity", "usernames")),
        "Mentions with Hashtags": Kind(("link", "quantity", "usernames", "hashtags")),
        "Mentions Custom List": Kind(("link", "usernames"), "usernames"),
        "Mentions Hashtag": Kind(("link", "quantity", "hashtag")),
        "Mentions User Followers": Kind(("link", "quantity", "username")),
        "Mentions Media Likers": Kind(("link", "quantity", "media")),
        "Comment Likes": Kind(("link", "quantity", "username")),
        "Comment Replies": Kind(("link", "username", "comments"), "comments"),
        "Poll": Kind(("link", "quantity", "answer_number")),
        "Invites from Groups": Kind(("link", "quantity", "groups")),
        "Web Traffic": Kind(("link", "quantity", "country", "device", "type_of_traffic")),
    }
)


def _folded(name: str) -> str:
    return name.strip().casefold().replace("_", " ")


_BY_FOLDED_NAME = {_folded(name): kind for name, kind in KINDS.items()}


def kind_of(type_: str) -> Kind:
    """Return the kind that a type stands for, however it is spelled; an unknown type is ordered as Default."""
    return _BY_FOLDED_NAME.get(_folded(type_), KINDS[DEFAULT])


def units_of(service: Service, draft: Draft) -> int:
    """Return how many units the draft is for, all runs together; refuse what the service does not allow."""
    kind = kind_of(service.type)
    if kind.counted_by is None:
        return service.min
    quantity = draft.quantity
    if kind.counted_by != "quantity":
        lines = draft.comments if kind.counted_by == "comments" else draft.usernames
        if not lines:
            raise Refusal(Reason.MISSING, field=kind.counted_by)
        quantity = len(lines)
    if quantity is None:
        raise Refusal(Reason.MISSING, field="quantity")
    # Catalogs have minima of zero and below: nothing at all is still no order.
    if quantity < (least := max(1, service.min)):
        raise Refusal(Reason.QUANTITY_BELOW, field="quantity", limit=least)
    if quantity > service.max:
        raise Refusal(Reason.QUANTITY_ABOVE, field="quantity", limit=service.max)
    if draft.runs > 1 and not service.dripfeed:
        raise Refusal(Reason.NO_DRIPFEED, field="runs")
    return quantity * draft.runs
