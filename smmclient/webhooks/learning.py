"""From one recorded delivery and its secret to the scheme that it was signed with: for facts that nobody documents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import field, frozen

from smmclient.errors import UsageError, WebhookRejected
from smmclient.webhooks.guesses import Guess, guesses
from smmclient.webhooks.payload import WebhookEvent, first, parse
from smmclient.webhooks.recorded import Recorded, read_recorded
from smmclient.webhooks.scheme import Scheme
from smmclient.webhooks.signing import Verified, keys_of, verify

__all__ = ["Findings", "learn"]

#: Seconds beyond any time that can be told.
_EVER = 1e15


@frozen(kw_only=True)
class Findings:
    """What one delivery tells. ``scheme`` is None where none of the ``tried`` ways of signing fits.

    ``reads`` has, for what an event can say, the field of the payload that it is read from, None where there is none.
    ``unread`` are the fields that nothing is read from, ``notes`` what to know before you rely on it.
    """

    scheme: Scheme | None
    tried: int
    reads: Mapping[str, str | None] = field(factory=dict)
    unread: tuple[str, ...] = ()
    event: WebhookEvent | None = None
    notes: tuple[str, ...] = ()


def learn(
    raw_delivery: str | bytes | Mapping[str, object], secret: str | bytes, *, scheme: Scheme | None = None
) -> Findings:
    """Which scheme verifies a recorded delivery, and what of its payload would be read.

    ``raw_delivery`` is the HTTP request as text (headers, blank line, body), or ``{"headers": …, "body": …}`` as JSON
    or as a mapping. The body must be the bytes that came; a line end that a recording has added is seen through.
    ``scheme`` gives the names of the payload's fields; ours, if not given. How old the delivery is does not matter.
    Raises `UsageError` for what is no delivery, and for an empty secret.
    """
    names = Scheme() if scheme is None else scheme
    keys_of(secret, Scheme())
    recorded = read_recorded(raw_delivery)
    tried = 0
    for guess in guesses(recorded, secret, names):
        tried += 1
        if guess.fits and (verified := _holds(recorded, secret, guess)) is not None:
            return _found(guess, verified, tried)
    return Findings(scheme=None, tried=tried, notes=_why_not(recorded))


def _holds(recorded: Recorded, secret: str | bytes, guess: Guess) -> Verified | None:
    """The proof by `verify` itself, however long ago it was."""
    try:
        return verify(guess.body, recorded.headers, secret, scheme=guess.scheme, now=0.0, tolerance=_EVER)
    except (WebhookRejected, UsageError):
        # A usual scheme can have a secret of another form than the one that is given.
        return None


def _found(guess: Guess, verified: Verified, tried: int) -> Findings:
    notes = list(_notes(guess))
    try:
        event = parse(guess.body, scheme=guess.scheme, verified=verified)
    except WebhookRejected as error:
        notes.append(f"the payload cannot be read: {error.message}")
        return Findings(scheme=guess.scheme, tried=tried, notes=tuple(notes))
    payload = event.raw if isinstance(event.raw, dict) else {}
    reads = dict(_reads(payload, guess.scheme))
    unread = tuple(name for name in _paths(payload) if name not in reads.values())
    return Findings(scheme=guess.scheme, tried=tried, reads=reads, unread=unread, event=event, notes=tuple(notes))


def _notes(guess: Guess) -> Iterator[str]:
    if not guess.scheme.covers_timestamp:
        yield "no timestamp is signed: an old delivery can be sent again by anybody who has it"
    if guess.is_trimmed:
        yield "it fits without the line end at the body's end, which the recording must have added"
    yield "one delivery is a small sample: try the scheme on another, of another event"


def _why_not(recorded: Recorded) -> tuple[str, ...]:
    found = ["the secret may be another webhook's, or the body may not be the bytes that came"]
    if not any(len(value) >= 43 for _, value in recorded.headers):
        found.append("no header looks like a signature: record all of them")
    return tuple(found)


# ------------------------------------------------------------------------------------------- what would be read


def _reads(payload: Mapping[str, object], scheme: Scheme) -> Iterator[tuple[str, str | None]]:
    """What is read, and the path of the field that it is read from."""
    for what, names in (("name", scheme.event_fields), ("id", scheme.id_fields), ("sent_at", scheme.time_fields)):
        yield what, _name_in(payload, names)
    outer = _name_in(payload, scheme.data_fields)
    inner = payload.get(outer) if outer else None
    about, before = (inner, f"{outer}.") if isinstance(inner, dict) else (payload, "")
    order = _name_in(about, scheme.order_fields)
    nested = about.get(order) if order else None
    if order and isinstance(nested, dict):
        own = _name_in(nested, (*scheme.order_fields, "id"))
        yield "order", f"{before}{order}.{own}" if own else None
        about, before = nested, f"{before}{order}."
    else:
        yield "order", f"{before}{order}" if order else None
    for what in ("status", "charge", "start_count", "remains", "currency"):
        yield what, f"{before}{what}" if about.get(what) is not None else None
    balance = _name_in(about, scheme.balance_fields)
    yield "balance", f"{before}{balance}" if balance else None


def _name_in(fields: Mapping[str, object], names: tuple[str, ...]) -> str | None:
    return next((name for name in names if first(fields, (name,)) is not None), None)


def _paths(fields: Mapping[str, object], before: str = "") -> Iterator[str]:
    """The paths of all fields that hold no object, three deep."""
    for name, value in fields.items():
        path = f"{before}{name}"
        if isinstance(value, dict) and path.count(".") < 3:
            yield from _paths(value, f"{path}.")
        else:
            yield path
