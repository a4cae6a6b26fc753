"""The endpoints that customers have registered: who is told what, and where.

Documented at NotPanel: five for a key, https only, private and loopback hosts refused, a secret shown once. Names of
the list and remove actions, ids, texts and what two endpoints with one url are: UNKNOWN, ours here.
"""

import ipaddress
from collections.abc import Iterator, Sequence
from random import Random
from urllib.parse import SplitResult, urlsplit

from attrs import field, frozen

from ..happenings import Event, Happening
from ..ids import ulid
from ..values import Reason, Refusal
from .signing import Signing

AT_MOST = 5
_LONGEST_URL = 2000


@frozen(kw_only=True)
class Hook:
    """One endpoint of one key."""

    id: str
    account: str
    key: str = field(repr=False)
    url: str
    events: tuple[Event, ...]
    secret: str = field(repr=False)
    made_at: float


class Hooks:
    """The endpoints by id, oldest first."""

    def __init__(self, signing: Signing, *, seed: int, is_local: bool) -> None:
        self.is_local = is_local
        """Whether endpoints are on this machine and are delivered to, or elsewhere and are not."""
        self._signing = signing
        self._chance = Random((seed << 8) + 5)  # noqa: S311 - play money
        self._hooks: dict[str, Hook] = {}

    def __len__(self) -> int:
        return len(self._hooks)

    def __contains__(self, hook_id: object) -> bool:
        return hook_id in self._hooks

    def add(self, account: str, key: str, url: str, names: Sequence[str], *, now: float) -> Hook:
        """Register an endpoint for these events, or for all if none is named."""
        self._check(url)
        try:
            events = tuple(Event(name) for name in dict.fromkeys(names)) or tuple(Event)
        except ValueError:
            raise Refusal(Reason.MALFORMED, field="events") from None
        if sum(hook.key == key for hook in self._hooks.values()) >= AT_MOST:
            raise Refusal(Reason.TOO_MANY_WEBHOOKS, limit=AT_MOST)
        hook = Hook(
            id=f"wh_{ulid(now, self._chance)}",
            account=account,
            key=key,
            url=url,
            events=events,
            secret=self._signing.new_secret(self._chance.randbytes(32)),
            made_at=now,
        )
        self._hooks[hook.id] = hook
        return hook

    def of_key(self, key: str) -> tuple[Hook, ...]:
        """Return the key's endpoints."""
        return tuple(hook for hook in self._hooks.values() if hook.key == key)

    def remove(self, key: str, hook_id: str) -> Hook:
        """Forget the key's endpoint of this id."""
        hook = self._hooks.get(hook_id)
        # That of another key is as unknown as one that never was.
        if hook is None or hook.key != key:
            raise Refusal(Reason.UNKNOWN_WEBHOOK, field="id")
        return self._hooks.pop(hook_id)

    def told_of(self, happening: Happening) -> Iterator[Hook]:
        """Return the endpoints that are told of this: those that were there when it happened."""
        for hook in self._hooks.values():
            if hook.account == happening.account and happening.event in hook.events and hook.made_at <= happening.at:
                yield hook

    def _check(self, url: str) -> None:
        def refuse(why: str) -> Refusal:
            return Refusal(Reason.BAD_WEBHOOK, field=why)

        parts = _split(url)
        if parts is None:
            raise refuse("not a url")
        host = parts.hostname or ""
        if not self.is_local:
            # Documented too: the name is resolved at registration. Not here, where no name is ever looked up.
            if parts.scheme != "https":
                raise refuse("https only")
            if not _is_public(host):
                raise refuse("the host is private")
        elif loopback_addresses(host) == ():
            raise refuse("this sandbox delivers to this machine only")


def loopback_addresses(host: str) -> tuple[str, ...]:
    """Return what to connect to for a host that is this machine, without asking anybody; else nothing."""
    if host == "localhost":
        return ("127.0.0.1", "::1")
    address = _address(host)
    return (host,) if address is not None and address.is_loopback else ()


def _split(url: str) -> SplitResult | None:
    if len(url) > _LONGEST_URL or not url.isascii() or any(letter <= " " or letter == "\x7f" for letter in url):
        return None
    try:
        parts = urlsplit(url)
        is_whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return parts if is_whole and "@" not in parts.netloc and "\\" not in url else None


def _is_public(host: str) -> bool:
    address = _address(host)
    if address is not None:
        return address.is_global and not address.is_multicast
    last = host.rstrip(".").rpartition(".")[2]
    # A name without a dot is one of a local network; one that ends in digits is an odd way to write an address.
    return "." in host.rstrip(".") and last not in ("localhost", "local", "internal") and not last[:1].isdigit()


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
