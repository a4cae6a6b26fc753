"""Where a panel is to push events, and which: checked before any I/O.

NotPanel documents that it takes https only, looks the host up, and refuses private and loopback addresses. What an
address by itself tells of that is told here, so that a mistake costs no call. Nothing is looked up: a name that leads
to a private address is for the panel to refuse.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv6Address, IPv6Network
from urllib.parse import SplitResult, unquote, urlsplit

from smmclient.endpoint import is_loopback
from smmclient.errors import UsageError
from smmclient.fields import check_text

__all__ = ["check_events", "check_receiver"]

#: Ours: what a panel takes is not documented.
_LONGEST_URL = 2000
_LONGEST_EVENT = 100
#: Last labels of names that only a network of one's own knows.
_PRIVATE_NAMES = ("localhost", "localdomain", "local", "internal", "lan", "home.arpa")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
#: All of IPv6 that is given out to the public; 6to4 lies in it, and can hold any IPv4 address.
_PUBLIC_IPV6 = IPv6Network("2000::/3")
_6TO4 = IPv6Network("2002::/16")


def check_receiver(
    url: object, *, provider: str, is_local: bool = False, holds_key: Callable[[str], bool] = lambda text: False
) -> str:
    """Return the URL that a panel can push to; raises `UsageError` for one that it would refuse, or must not see.

    ``is_local`` is for a panel that is itself on this machine, a sandbox: it may also be given receivers on this
    machine, over http too. ``holds_key`` tells whether a text holds the API key. No message quotes the URL.
    """

    def wrong(why: str) -> UsageError:
        return UsageError(f"a webhook's url {why}", provider=provider)

    url = check_text(url, "a webhook's url", error=UsageError)
    if holds_key(url) or holds_key(unquote(url)):
        raise wrong("must not hold the API key: URLs are stored, shown and logged")
    if len(url) > _LONGEST_URL:
        raise wrong(f"must have at most {_LONGEST_URL} characters, this one has {len(url)}")
    parts = _split(url)
    if parts is None or not url.isascii() or " " in url or "\\" in url:
        raise wrong("must be an absolute https URL: what is not ASCII percent-encoded, a host in punycode (xn--…)")
    if "@" in parts.netloc or "#" in url:
        raise wrong("must not hold a user, a password or a fragment: the panel stores it, and sends no fragment")
    host = parts.hostname or ""
    if is_local and parts.scheme in ("http", "https") and is_loopback(host):
        return url
    if parts.scheme != "https":
        raise wrong("must begin with https://, because a panel pushes to nothing else")
    if not _is_public(host.removesuffix(".")):
        raise wrong(
            "must name a public host: neither this machine nor a private network, an IPv4 address as four plain numbers"
        )
    return url


def _split(url: str) -> SplitResult | None:
    """The parts of a URL that all who read it would part in the same way."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    shown = f"[{host}]" if ":" in host else host
    # "https://[2606::1]evil.example/" has two hosts, and which is meant depends on who reads it.
    plain = parts.netloc.rpartition("@")[2].casefold() == (shown if port is None else f"{shown}:{port}")
    return parts if host and plain and port != 0 else None


def _is_public(host: str) -> bool:
    """Whether the host by its spelling alone can be one that anybody reaches."""
    if ":" in host:
        return _is_public_ipv6(host)
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        # An address to whoever opens it: 2130706433, 0x7f.1 and 0177.0.0.1 are all this machine. Only the plain
        # spelling is read alike everywhere, so no other is let through, wherever it leads.
        return _is_public_ipv4(host)
    is_name = len(labels) > 1 and len(host) <= 253 and all(map(_LABEL.fullmatch, labels))
    return is_name and not any(host == name or host.endswith(f".{name}") for name in _PRIVATE_NAMES)


def _is_public_ipv4(host: str) -> bool:
    try:
        address = IPv4Address(host)
    except ValueError:
        return False
    return address.is_global and not address.is_multicast


def _is_public_ipv6(host: str) -> bool:
    try:
        address = IPv6Address(host)
    except ValueError:
        return False
    return address.scope_id is None and address in _PUBLIC_IPV6 and address not in _6TO4 and address.is_global


def check_events(events: object, *, provider: str) -> tuple[str, ...] | None:
    """Return the names of events to ask for, each once; None, which sends none, stays None.

    The full list of a panel's names is not documented, so an unknown one passes.
    """
    if events is None:
        return None
    if isinstance(events, (str, bytes, bytearray)) or not isinstance(events, Iterable):
        raise UsageError("events must be a list of names, such as ['order.completed']", provider=provider)
    names = tuple(dict.fromkeys(_check_event(one, provider) for one in events))
    if not names:
        raise UsageError("events is empty: name some, or leave it out for the panel's default", provider=provider)
    return names


def _check_event(event: object, provider: str) -> str:
    name = check_text(event, "an event's name", error=UsageError)
    if name != event or len(name) > _LONGEST_EVENT or "," in name or " " in name or not name.isprintable():
        raise UsageError(
            f"an event's name must be one word of at most {_LONGEST_EVENT} characters, without commas and spaces: "
            f"{name[:60]!a}",
            provider=provider,
        )
    return name
