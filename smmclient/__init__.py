"""One typed async client for every SMM panel that speaks API v2, for money that must not be spent twice.

>>> import smmclient
>>> smmclient.providers()
('notpanel', 'panelbon', 'v2')
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from smmclient._version import __version__

if TYPE_CHECKING:
    from smmclient.catalog import (
        Catalog,
        CatalogDiff,
        Problem,
        Service,
        ServiceChange,
    )
    from smmclient.dialect import (
        CachePlan,
        Capabilities,
        Dialect,
        Support,
    )
    from smmclient.errors import (
        AccountSuspended,
        AuthenticationFailed,
        BadSignature,
        Blocked,
        ConfigError,
        DuplicateOrder,
        InsufficientFunds,
        InvalidLink,
        InvalidOrder,
        InvalidQuantity,
        JournalCorrupt,
        JournalError,
        JournalLocked,
        JournalMismatch,
        Malformed,
        MissingHeader,
        NotCancelable,
        NotRefillable,
        OutcomeUnknown,
        Overloaded,
        ProviderLoadError,
        RateLimited,
        Refused,
        SMMError,
        StaleTimestamp,
        Unavailable,
        UnknownOrder,
        UnknownProvider,
        UnknownRefill,
        UnknownService,
        Unreachable,
        Unsupported,
        UsageError,
        WebhookRejected,
    )
    from smmclient.events import (
        Attempted,
        Event,
        OrderInDoubt,
        Waiting,
    )
    from smmclient.many.comparing import (
        Basis,
        Comparison,
        Offer,
        Ranking,
    )
    from smmclient.many.panels import (
        Catalogs,
        Panels,
    )
    from smmclient.model import (
        Balance,
        Cancellation,
        OrderState,
        OrderStatus,
        Receipt,
        Refill,
        RefillState,
        RefillStatus,
    )
    from smmclient.orders import (
        AnyOrder,
        CommentLikesOrder,
        CommentRepliesOrder,
        CommentsOrder,
        CommentsPackageOrder,
        InvitesOrder,
        MentionsFollowersOrder,
        MentionsHashtagOrder,
        MentionsLikersOrder,
        MentionsListOrder,
        MentionsOrder,
        MentionsWithHashtagsOrder,
        Order,
        PackageOrder,
        PollOrder,
        RawOrder,
        SeoOrder,
        SubscriptionOrder,
        WebTrafficOrder,
    )
    from smmclient.panelfile import (
        load_panels,
    )
    from smmclient.provider import (
        BeforeSend,
        Provider,
    )
    from smmclient.registry import (
        connect,
        providers,
        register,
    )
    from smmclient.settings import (
        Limit,
        RetryPolicy,
        Scope,
        Settings,
        Timeouts,
    )

__all__ = [
    "AccountSuspended",
    "AnyOrder",
    "Attempted",
    "AuthenticationFailed",
    "BadSignature",
    "Balance",
    "Basis",
    "BeforeSend",
    "Blocked",
    "CachePlan",
    "Cancellation",
    "Capabilities",
    "Catalog",
    "CatalogDiff",
    "Catalogs",
    "CommentLikesOrder",
    "CommentRepliesOrder",
    "CommentsOrder",
    "CommentsPackageOrder",
    "Comparison",
    "ConfigError",
    "Dialect",
    "DuplicateOrder",
    "Event",
    "InsufficientFunds",
    "InvalidLink",
    "InvalidOrder",
    "InvalidQuantity",
    "InvitesOrder",
    "JournalCorrupt",
    "JournalError",
    "JournalLocked",
    "JournalMismatch",
    "Limit",
    "Malformed",
    "MentionsFollowersOrder",
    "MentionsHashtagOrder",
    "MentionsLikersOrder",
    "MentionsListOrder",
    "MentionsOrder",
    "MentionsWithHashtagsOrder",
    "MissingHeader",
    "NotCancelable",
    "NotRefillable",
    "Offer",
    "Order",
    "OrderInDoubt",
    "OrderState",
    "OrderStatus",
    "OutcomeUnknown",
    "Overloaded",
    "PackageOrder",
    "Panels",
    "PollOrder",
    "Problem",
    "Provider",
    "ProviderLoadError",
    "Ranking",
    "RateLimited",
    "RawOrder",
    "Receipt",
    "Refill",
    "RefillState",
    "RefillStatus",
    "Refused",
    "RetryPolicy",
    "SMMError",
    "Scope",
    "SeoOrder",
    "Service",
    "ServiceChange",
    "Settings",
    "StaleTimestamp",
    "SubscriptionOrder",
    "Support",
    "Timeouts",
    "Unavailable",
    "UnknownOrder",
    "UnknownProvider",
    "UnknownRefill",
    "UnknownService",
    "Unreachable",
    "Unsupported",
    "UsageError",
    "Waiting",
    "WebTrafficOrder",
    "WebhookRejected",
    "__version__",
    "connect",
    "load_panels",
    "providers",
    "register",
]


#: The rooms that public names live in, opened one after the other when a name is first used: importing smmclient
#: itself costs next to nothing.
_ROOMS = (
    "errors",
    "model",
    "catalog",
    "orders",
    "settings",
    "events",
    "registry",
    "provider",
    "dialect",
    "many.comparing",
    "many.panels",
    "panelfile",
)


def __getattr__(name: str) -> object:
    for room in _ROOMS if name in __all__ else ():
        found: object = getattr(importlib.import_module(f"smmclient.{room}"), name, None)
        if found is not None:
            globals()[name] = found
            return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
