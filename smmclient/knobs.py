"""The knobs of a panel in a file of panels: what each may be, and which fact of a `Dialect` it sets."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable
from typing import TypeVar

from attrs import fields_dict

from smmclient import errors
from smmclient.dialect import Capabilities, Fault, Support
from smmclient.errors import ConfigError, Refused
from smmclient.fields import check_headers
from smmclient.settings import Limit, Scope

__all__ = ["KNOBS", "WrongKnob", "did_you_mean", "is_close"]

T = TypeVar("T")


class WrongKnob(Exception):
    """A knob's value is not one that it can have; says what it can be."""


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """The nearest of the known names, or all of them."""
    names = list(known)
    close = difflib.get_close_matches(given, names, n=1)
    return f"did you mean {close[0]!r}?" if close else f"there are {', '.join(names)}"


def is_close(given: str, known: Iterable[str]) -> bool:
    """Whether one of the known names may have been meant."""
    return bool(difflib.get_close_matches(given, list(known), n=1))


def _one_of(*choices: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if not isinstance(value, str) or value not in choices:
            raise WrongKnob(f"it must be {' or '.join(map(repr, choices))}, not {value!r}")
        return value

    return read


def _of(name: str, read: Callable[[object], T], value: object) -> T:
    """The value as it is read; what is wrong with it is said of that name."""
    try:
        return read(value)
    except WrongKnob as error:
        raise WrongKnob(f"{name}: {error}") from None


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise WrongKnob(f"it must be true or false, not {value!r}")
    return value


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 1_000_000:
        raise WrongKnob(f"it must be a whole number from 1 to 1,000,000, not {value!r}")
    return value


def _units(value: object) -> int:
    if isinstance(value, bool) or value not in (1, 100, 1000) or not isinstance(value, int):
        raise WrongKnob(f"it must be 1, 100 or 1000 (the units that a rate is for), not {value!r}")
    return value


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e9:
        raise WrongKnob(f"it must be a number of seconds, not {value!r}")
    return float(value)


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise WrongKnob(f"it must be text, not {value!r}")
    return value


def _table(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise WrongKnob(f"it must be a table, {{ name = value }}, not {value!r}")
    return value


#: With another value than ours, a request means something else, or its reply cannot be read.
_OURS = frozenset({"host", "content-type", "content-length", "content-encoding", "accept-encoding", "connection"})


def _headers(value: object) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, content in _table(value).items():
        if re.search(r"key|token|secret|auth|cookie", name, re.IGNORECASE):
            raise WrongKnob(f"{name}: what proves who you are does not belong here; the key is sent as a form field")
        if name.casefold() in _OURS:
            raise WrongKnob(f"{name}: that header follows from the request, and is not yours to set")
        headers[name] = _of(name, _text, content)
    try:
        check_headers(headers)
    except ConfigError as error:
        raise WrongKnob(error.message) from None
    return headers


def _limits(value: object) -> tuple[Limit, ...]:
    if not isinstance(value, list):
        raise WrongKnob(f"it must be a list such as [{{ rate = 100, per = 60 }}], not {value!r}")
    return tuple(_limit(_table(one)) for one in value)


def _limit(table: dict[str, object]) -> Limit:
    if "rate" not in table or not table.keys() <= {"rate", "per", "scope"}:
        raise WrongKnob(f"a limit has rate, and may have per (seconds) and scope (key or ip); {table!r} is none")
    scopes = {"key": Scope.KEY, "ip": Scope.ADDRESS}
    try:
        scope = scopes[_of("scope", _one_of(*scopes), table.get("scope", "key"))]
        return Limit(_of("rate", _count, table["rate"]), _of("per", _seconds, table.get("per", 60)), scope)
    except ConfigError as error:
        raise WrongKnob(error.message) from None


#: What a file cannot claim: sending an order again is only safe with a panel that promises so, and is known to.
_NOT_CLAIMED = ("request_id", "webhooks")
_FEATURES = tuple(name for name in fields_dict(Capabilities) if name not in _NOT_CLAIMED)


def _features(value: object) -> Capabilities:
    known: dict[str, Support] = {}
    for name, given in _table(value).items():
        if name in _NOT_CLAIMED:
            raise WrongKnob(f"{name} cannot be claimed in a file: that needs a provider of its own")
        if name not in _FEATURES:
            raise WrongKnob(f"there is no feature {name!r}: {did_you_mean(name, _FEATURES)}")
        word = {True: "yes", False: "no"}.get(given, given) if isinstance(given, bool) else given
        known[name] = Support(_of(name, _one_of(*(one.value for one in Support)), word))
    return Capabilities(**known)


_MEANINGS: dict[str, type[Refused] | type[Fault]] = {
    "Fault": Fault,
    **{
        name: found
        for name in errors.__all__
        if isinstance(found := getattr(errors, name), type) and issubclass(found, Refused)
    },
}


def _refusals(value: object) -> dict[str, type[Refused] | type[Fault]]:
    texts: dict[str, type[Refused] | type[Fault]] = {}
    for text, meaning in _table(value).items():
        if not isinstance(meaning, str) or meaning not in _MEANINGS:
            raise WrongKnob(f"{text!r} cannot mean {meaning!r}: {did_you_mean(str(meaning), _MEANINGS)}")
        texts[text] = _MEANINGS[meaning]
    return texts


def _actions(value: object) -> frozenset[str]:
    read = _one_of("status", "refill", "refill_status", "cancel")
    if not isinstance(value, list):
        raise WrongKnob(f'it must be a list such as ["cancel"], not {value!r}')
    return frozenset(read(one) for one in value)


def _order_ids(value: object) -> bool:
    return _one_of("text", "number")(value) == "number"


#: A knob, the `Dialect`'s field that it sets, and how it is read.
KNOBS: dict[str, tuple[str, Callable[[object], object]]] = {
    "batch_size": ("batch_size", _count),
    "limits": ("limits", _limits),
    "tells_limits": ("tells_limits", _flag),
    "rate_per": ("rate_per", _units),
    "package_rate_per": ("package_rate_per", _units),
    "packages_bill_min": ("packages_bill_min", _flag),
    "order_ids": ("numeric_orders", _order_ids),
    "headers": ("headers", _headers),
    "features": ("capabilities", _features),
    "refusals": ("texts", _refusals),
    "list_only": ("list_only", _actions),
    "charge_field": ("charge_field", _text),
    "longest_link": ("longest_link", _count),
    "link_is_url": ("link_is_url", _flag),
    "interval_needs_runs": ("interval_needs_runs", _flag),
}
