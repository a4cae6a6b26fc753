"""From one recorded delivery and its secret to the scheme that it was signed with: for facts that nobody documents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import field, frozen

from smmclient.errors import UsageError, WebhookRejected
from smmclient.webhooks.guesses import Guess, fold, guesses, times_in
from smmclient.webhooks.keys import keys_of
from smmclient.webhooks.payload import OrderEvent, WebhookEvent, first, parse
from smmclient.webhooks.recorded import Recorded, read_recorded
from smmclient.webhooks.scheme import Scheme
from smmclient.webhooks.signing import Verified, verify, without_arguments
from smmclient.webhooks.times import EARLIEST, LATEST

__all__ = ["Findings", "learn"]

#: Seconds between a delivery's time and its recording, as `verify` has them.
_TOLERANCE = 300.0


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


@without_arguments
def learn(
    raw_delivery: str | bytes | Mapping[str, object] | Recorded, secret: str | bytes, *, scheme: Scheme | None = None
) -> Findings:
    """Which scheme verifies a recorded delivery, and what of its payload would be read.

    ``raw_delivery`` is the HTTP request as text (headers, blank line, body), or ``{"headers": …, "body": …}`` as JSON
    or as a mapping. The body must be the bytes that came; a line end that a recording has added is seen through.
    ``scheme`` gives the names of the payload's fields; ours, if not given. How old the delivery is does not matter; if
    the recording says when it came (``"at"`` in JSON, a ``Date`` header), its timestamp is held against that.

    A timestamp that the signature is computed with is proven. One that is a field of the body is only called so: it is
    taken by its name, never because it is a number that could be a time.
    Raises `UsageError` for what is no delivery, and for an empty secret.
    """
    names = Scheme() if scheme is None else scheme
    keys_of(secret, Scheme())
    recorded = read_recorded(raw_delivery)
    tried = 0
    for guess in guesses(recorded, secret, names):
        tried += 1
        if guess.fits and (verified := _holds(recorded, secret, guess)) is not None:
            return _found(guess, verified, tried, at=recorded.at)
    return Findings(scheme=None, tried=tried, notes=_why_not(recorded))


def _holds(recorded: Recorded, secret: str | bytes, guess: Guess) -> Verified | None:
    """The proof by `verify` itself, however long ago it was."""
    now, tolerance = (LATEST + EARLIEST) / 2, (LATEST - EARLIEST) / 2
    try:
        verified = verify(guess.body, recorded.headers, secret, scheme=guess.scheme, now=now, tolerance=tolerance)
    except (WebhookRejected, UsageError):
        # A usual scheme can have a secret of another form than the one that is given.
        return None
    # A signed body proves nothing about which of its fields is the time of sending.
    is_off = guess.scheme.timestamp_field and abs(_away(verified, recorded.at)) > _TOLERANCE
    return None if is_off else verified


def _away(verified: Verified, at: float | None) -> float:
    """Seconds from its timestamp to when it came; 0 where one of them is not known."""
    return 0.0 if at is None or verified.timestamp is None else at - verified.timestamp


def _found(guess: Guess, verified: Verified, tried: int, *, at: float | None) -> Findings:
    notes = list(_notes(guess, _away(verified, at)))
    try:
        event = parse(guess.body, scheme=guess.scheme, verified=verified)
    except WebhookRejected as error:
        notes.append(f"the payload cannot be read: {error.message}")
        return Findings(scheme=guess.scheme, tried=tried, notes=tuple(notes))
    payload = event.raw if isinstance(event.raw, dict) else {}
    reads = dict(_reads(payload, guess.scheme))
    if event.name.startswith("order.") and not isinstance(event, OrderEvent):
        reads["order"] = None
        notes.append("the event is an order's, and which one cannot be read: see order_fields and data_fields")
    unread = tuple(name for name in _paths(payload) if name not in reads.values())
    return Findings(scheme=guess.scheme, tried=tried, reads=reads, unread=unread, event=event, notes=tuple(notes))


def _notes(guess: Guess, away: float) -> Iterator[str]:
    own = guess.scheme.timestamp_field
    if not guess.scheme.covers_timestamp:
        yield "no timestamp is signed (unsigned_timestamp): an old delivery can be sent again by anybody who has it"
        odd = {*guess.scheme.order_fields, *guess.scheme.id_fields}
        if like := sorted({one.body_field for one in times_in(guess.body)} - odd):
            yield (
                f"could be times: the body's {', '.join(like)}; if the panel says that one is the time of sending, "
                "make it the timestamp_field"
            )
    elif own and fold(own) != "sentat":
        yield (
            f"the timestamp is the body's {own}, which may be when it happened, so that retries would be refused: "
            "compare two attempts at one event"
        )
    if abs(away) > _TOLERANCE:
        side = "before" if away > 0 else "after"
        yield f"it says that it was sent {abs(away):.0f} s {side} it was recorded: `verify` would have refused it"
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
