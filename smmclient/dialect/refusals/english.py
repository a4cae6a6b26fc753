"""The panels' English words for no. Most panels answer in English, whatever their customers speak.

The whole texts were seen in the sources or documents of panels, or in clients of such panels. The parts are what such
texts have in common, and the usual English words for a failure.
"""

from __future__ import annotations

from smmclient.dialect.refusals.table import Fault, Part, Texts
from smmclient.errors import (
    AccountSuspended,
    AuthenticationFailed,
    DuplicateOrder,
    InsufficientFunds,
    InvalidLink,
    InvalidQuantity,
    NotCancelable,
    NotRefillable,
    Overloaded,
    RateLimited,
    Refused,
    UnknownOrder,
    UnknownRefill,
    UnknownService,
)

__all__ = ["FAULTS", "PARTS", "TEXTS"]

TEXTS: Texts = {
    # Only what a panel says before it looks at the request: nothing was done, and `add` is sent again.
    RateLimited: (
        "Rate limit exceeded",
        "Rate limit exceeded. Maximum 120 requests per minute.",
        "Too many requests",
        "Too many requests. Limit 50/minute.",
        "Too many requests. Slow down.",
        "Too many requests, please try again later.",
        "Rate limit reached",
        "API rate limit exceeded",
        "Request limit exceeded",
        "API request limit exceeded",
        # A limit of calls to `add`, looked at before the order is.
        "You can place one order per minute. Try again shortly.",
        "You can place 5 orders per minute. Try again shortly.",
    ),
    # The same. "Service temporarily unavailable" is not: a panel says it when placing an order failed halfway.
    Overloaded: ("This panel is temporarily unavailable", "Ordering is disabled"),
    DuplicateOrder: (
        "An identical order was just placed",
        "You have active order with this link. Please wait until order being completed.",
        "Duplicate order",
        "link_duplicate",
    ),
    AccountSuspended: (
        "Account suspended",
        "Account is suspended",
        "Your account has been suspended.",
        "Your account is inactive",
        "User account is inactive",
        "Account banned",
        "Account is banned",
        "Account blocked",
        "Account is blocked",
        "Account disabled",
        "Account is disabled",
        "This account cannot place orders. Contact support.",
        "This account cannot place orders. Contact support if you think that is wrong.",
    ),
    AuthenticationFailed: (
        "Invalid API key",
        "Incorrect API key",
        "API key is incorrect",
        "API key invalid",
        "API key not found",
        "Wrong API key",
        "API key is required",
        "API key is paused by the owner",
        "Incorrect request or API key",
        "Missing key",
        "Missing/invalid key",
        "Incorrect request: Missing key",
        "Invalid key",
        "Incorrect key",
        "API is disable for this user or User Not Found! Contact the Support",
        "API is disabled",
        "API access disabled",
        "API access is switched off for this account.",
    ),
    InsufficientFunds: (
        "Not enough funds",
        "Not enough funds on balance",
        "Insufficient funds",
        "Insufficient balance",
        "You have insufficient balance",
        "Low balance",
    ),
    UnknownRefill: ("Incorrect refill ID", "Invalid refill ID", "Refill not found", "Refill ID is required"),
    NotRefillable: (
        "Order is not completed",
        "The order is not completed",
        "The order was completed or refill was requested less than 24 hours ago",
        "Refill is only available manually via support ticket for reseller platforms.",
        "Refill unavailable",
    ),
    NotCancelable: (
        "Cannot cancel",
        # A panel says it after it has taken its own change back.
        "Failed to cancel",
        "Cancellation via API is not supported. Contact support.",
        "Cancellation requests are currently disabled.",
    ),
    UnknownOrder: (
        "Incorrect order ID",
        "Incorrect order IDs",
        "Invalid order ID",
        "Order not found",
        "Order ID is required",
        "Order IDs are required",
        "Order ID is required parameter. Please check your API Manual",
        "Missing order parameter",
        "Missing orders parameter",
        "Missing order or orders parameter",
        "That order no longer exists.",
    ),
    UnknownService: (
        "Incorrect service ID",
        "Service ID does not exists",
        "Service not found",
        "Service not found or inactive",
        "Service not found or currently unavailable.",
        "Service is inactive or not found",
        "Service not available",
        "Service is not active",
        "Service discontinued",
        "That service is no longer available",
        "Invalid service",
        "Provider is unavailable",
        "Service is under maintenance, please try again later",
        "Service is running slow, orders may be delayed",
        "Service is temporarily stopped",
        "Service is currently having errors, please try again later",
        "This service is temporarily unavailable. Please try another or contact support.",
    ),
    InvalidLink: (
        "Bad link",
        "Invalid link",
        "Incorrect link",
        "Link not found",
        "Link is required",
        "Link required",
        "Enter a valid link",
        "This link cannot be ordered for on this panel.",
        "Invalid URL format for link",
    ),
    InvalidQuantity: (
        "Incorrect quantity",
        "Invalid quantity",
        "Quantity inccorect",
        "Quantity is required",
        "Quantity out of bounds",
        "Quantity out of range",
        "You did not meet the minimum number.",
        "The maximum number has been exceeded.",
        "Maximum number exceeded",
    ),
    Fault: (
        "Order failed",
        "Refill failed",
        "Refill request failed",
        "Refill could not be requested",
        # Said after the panel's own supplier was asked.
        "Server maintenance",
        "System error",
        "neworder.error",
        "order.error",
    ),
    # Known to be about the request as a whole, and no more.
    Refused: ("Unauthorized", "Unauthenticated", "Forbidden", "Access denied"),
}

#: What admits a failure on the way may have been done all the same: rather one text too many than one too few. Looked
#: for before anything else is, so that "invalid link (server error)" is a fault.
FAULTS: tuple[Part, ...] = (
    Part(Fault, ("server error", "system error", "internal error", "unexpected error", "unknown error")),
    Part(
        Fault,
        (
            "network error",
            "error occurred",
            "error occured",
            "was an error",
            "went wrong",
            "something wrong",
            "something went",
        ),
    ),
    Part(Fault, ("error has occurred", "error has occured", "exception", "connection error", "connection refused")),
    Part(Fault, ("time out", "server busy", "server is busy", "api error", "error processing", "error placing")),
    Part(Fault, ("unable to place", "unable to create", "unable to process", "unable to submit", "could not process")),
    Part(Fault, ("couldn t place", "couldn t create", "couldn t process", "error while", "could not submit")),
    Part(Fault, ("order failed", "order creation failed", "order placement failed", "order processing failed")),
    Part(Fault, ("request failed", "transaction failed", "operation failed", "temporary error", "temporary failure")),
    Part(Fault, ("database error", "sqlstate", "timeout", "timed out", "bad gateway", "service unavailable")),
    Part(Fault, ("server maintenance", "^failed to", "failed to create", "failed to place", "failed to submit")),
    Part(Fault, ("error creating", "order could not be", "could not create", "could not place")),
    Part(Fault, ("temporarily unavailable",)),
    # What is said of the panel's own supplier was said after it was asked.
    Part(Fault, ("upstream", "provider", "supplier")),
)

_LIMIT_OF_THE_ORDER = ("link", "order", "service", "daily", "day", "username", "post", "refill", "cancel")
#: "Account suspended" can be the account that the link leads to, which is none of ours.
_ANOTHER_ACCOUNT = ("link", "target", "profile", "username", "instagram", "tiktok", "facebook", "youtube", "telegram")

PARTS: tuple[Part, ...] = (
    Part(RateLimited, ("^too many requests", "^rate limit exceeded", "^rate limit reached"), _LIMIT_OF_THE_ORDER),
    Part(RateLimited, ("^api rate limit", "^request limit exceeded", "^api request limit"), _LIMIT_OF_THE_ORDER),
    Part(DuplicateOrder, ("active order with this link", "identical order", "already ordered this service for")),
    Part(DuplicateOrder, ("duplicate order",), ("id",)),
    *(
        Part(AccountSuspended, (f"^{whose} {verb} {what}",), _ANOTHER_ACCOUNT)
        for whose in ("account", "this account", "your account")
        for verb in ("is", "has been")
        for what in ("suspended", "blocked", "banned", "disabled")
    ),
    Part(AccountSuspended, ("^account suspended", "^your account is not active"), _ANOTHER_ACCOUNT),
    Part(AuthenticationFailed, ("invalid api key", "incorrect api key", "wrong api key", "missing api key")),
    Part(AuthenticationFailed, ("api key is invalid", "api key is incorrect", "api key is required")),
    Part(AuthenticationFailed, ("api key is wrong", "api key is disabled", "api key is not valid")),
    Part(AuthenticationFailed, ("api key has expired", "api key not found", "api key invalid", "api key required")),
    Part(AuthenticationFailed, ("invalid apikey", "^api is disable")),
    Part(InsufficientFunds, ("not enough funds", "insufficient balance", "insufficient funds", "not enough balance")),
    Part(InsufficientFunds, ("balance is not enough", "balance is not sufficient")),
    Part(UnknownRefill, ("^incorrect refill id", "^refill not found", "^invalid refill id", "^refill id is required")),
    Part(NotRefillable, ("refill is disabled", "not eligible for refill")),
    Part(NotRefillable, ("refill was requested", "refill is only available", "cannot be refilled")),
    Part(NotRefillable, ("refill not available", "refill is not available", "does not offer refill")),
    Part(NotRefillable, ("order must be completed to refill", "refill can only be requested", "^the refill window")),
    Part(NotRefillable, ("refill request is already pending", "refill request has already been submitted")),
    Part(NotCancelable, ("cannot be canceled", "cannot be cancelled", "^cannot cancel")),
    Part(NotCancelable, ("not eligible for cancel", "cancel is not available", "cancel not available")),
    Part(NotCancelable, ("cancellation via api is not", "does not allow cancellation")),
    # Begins the text: "link accepted, but order not found" is about something else.
    Part(UnknownOrder, ("^incorrect order id", "^invalid order id", "^order not found", "^order id is required")),
    # "Missing required parameter: service" is about the request, not about the service.
    Part(Refused, ("missing required", "missing parameters", "is not supported by this service")),
    Part(UnknownService, ("incorrect service id", "invalid service id", "service id does not exist"), ("quantity",)),
    Part(UnknownService, ("^service not found", "^unknown service id")),
    Part(UnknownService, ("^service is not available", "^this service is not available", "^service is not active")),
    Part(UnknownService, ("^service is disabled", "^this service is disabled", "^service is inactive")),
    Part(UnknownService, ("^this service is inactive", "^service is under maintenance")),
    Part(InvalidLink, ("bad link", "invalid link", "incorrect link", "^link not found", "^link is required")),
    Part(InvalidLink, ("^that link is not", "^enter a valid link")),
    Part(InvalidQuantity, ("quantity less than", "quantity more than", "quantity must", "quantity out of")),
    Part(InvalidQuantity, ("quantity too", "incorrect quantity", "invalid quantity", "^min quantity", "^max quantity")),
)
