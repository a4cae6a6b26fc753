"""Webhooks at the panel: its calls as forms, and what their replies say. Pure.

NotPanel documents ``webhook.add`` with ``url`` and ``events``, and that the secret is shown once. How a reply looks is
not documented, nor is any other action: names, shapes and defaults here are ours, and what cannot be read is left as it
came, in ``raw``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from smmclient.dialect.classify import says_no
from smmclient.dialect.hush import fold, secrets_in
from smmclient.dialect.read import Unreadable, read_id
from smmclient.errors import Refused, UsageError
from smmclient.fields import check_id, check_text
from smmclient.receiver import check_events, check_receiver
from smmclient.webhooks.webhook import Webhook
from smmclient.wire import Operation, Safety

__all__ = ["add", "listing", "removal"]

T = TypeVar("T")

_URLS = ("url", "webhookurl", "endpoint", "endpointurl", "callback", "callbackurl", "target", "targeturl")
_IDS = ("id", "webhookid", "endpointid", "uuid")
_EVENTS = ("events", "event", "eventtypes", "enabledevents")
#: Where the object about one webhook, or the list of them, can be wrapped.
_ONE = ("webhook", "data", "result", "endpoint")
_MANY = ("webhooks", "data", "result", "items", "endpoints", "list")
#: Names under which a reply to a removal can say yes or no, and its words for yes.
_ANSWERS = ("success", "ok", "status", "result", "removed", "deleted", "remove", "delete")
_YES = frozenset({"true", "1", "yes", "ok", "success", "removed", "deleted"})
#: Names of what a reply says of itself, rather than of a webhook.
_TALK = frozenset({"message", "msg", "detail", "code", "status", "success", "ok"})
_NO = frozenset({"false", "0", "no", "error", "fail", "failed"})
#: What else panels do when asked: no name for an action on webhooks.
_OTHER_ACTIONS = frozenset({"services", "add", "status", "refill", "refill_status", "cancel", "balance"})
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,63}")

_AFTER_ADD = (
    "if the panel's list of webhooks has this URL, remove it there and add it again, because nobody saw its secret; "
    "else add it again"
)
_AFTER_REMOVE = "look at the panel's list of webhooks, and remove it again if it is still there"


def add(
    url: str, events: Iterable[str] | None, *, provider: str, is_local: bool, holds_key: Callable[[str], bool]
) -> Operation[Webhook]:
    """A webhook for these events, or for all."""
    receiver = check_receiver(url, provider=provider, is_local=is_local, holds_key=holds_key)
    names = check_events(events, provider=provider)
    form = [("action", "webhook.add"), ("url", receiver)]
    if names is not None:
        form.append(("events", ",".join(names)))

    def decode(payload: object) -> Webhook:
        return _read_added(payload, receiver, names)

    # Sent twice it could become two webhooks, and one of them with a secret that nobody has.
    return Operation(
        "webhook.add", tuple(form), decode, Safety.ONCE, subject=receiver, advice=_AFTER_ADD, is_secret=True
    )


def listing(action: str, *, provider: str) -> Operation[tuple[Webhook, ...]]:
    """All webhooks of the key."""
    checked = _check_action(action, provider)
    return Operation(checked, (("action", checked),), _read_all, Safety.READ, is_secret=True)


def removal(webhook: Webhook | int | str, *, action: str, field: str, provider: str) -> Operation[None]:
    """The end of one webhook."""
    checked = _check_action(action, provider)
    if not isinstance(field, str) or not _NAME.fullmatch(field) or field in ("key", "action"):
        raise UsageError("field must be the name of the parameter that says which webhook", provider=provider)
    one = _pointed_at(webhook, field, provider)

    def decode(payload: object) -> None:
        _read_removed(payload, one, field)

    form = (("action", checked), (field, one))
    return Operation(checked, form, decode, Safety.ONCE, subject=one, advice=_AFTER_REMOVE, is_secret=True)


def _check_action(action: object, provider: str) -> str:
    if not isinstance(action, str) or not _NAME.fullmatch(action) or action in _OTHER_ACTIONS:
        raise UsageError(
            "action must be the panel's name for what it does with webhooks, such as webhook.list", provider=provider
        )
    return action


def _pointed_at(webhook: Webhook | int | str, field: str, provider: str) -> str:
    """What stands for the webhook in the form: its URL where the field is ``url``, else its id."""
    given: object = webhook
    if isinstance(webhook, Webhook):
        given = webhook.url if field == "url" else webhook.id
        if given is None:
            raise UsageError(
                f"this webhook has nothing to send as {field}: take its id from the panel's list of webhooks, or say "
                "field='url' to point at it by its URL",
                provider=provider,
            )
    if field == "url":
        return check_text(given, "a webhook's url", error=UsageError)
    return check_id(given, "a webhook's id", error=UsageError)


# ------------------------------------------------------------------------------------------------------- the replies


def _read_added(payload: object, url: str, asked: tuple[str, ...] | None) -> Webhook:
    """The webhook that was made. Its secret is the one text under a name for secrets; two that differ are none."""
    secrets = set(secrets_in(payload))
    refused = isinstance(payload, dict) and says_no(payload)
    if refused and not secrets:
        raise Refused("the panel says that it added no webhook, and not why", raw=payload)
    rows = _rows_about_one(payload)
    if refused or not (rows or secrets) or _is_talk(payload):
        raise Unreadable(f"the reply neither shows a webhook nor says why there is none: {_told(rows, payload)}")
    events = _first(rows, _EVENTS, _read_events) or asked
    return Webhook(url, events, _only(secrets), _id_in(rows), payload)


def _read_all(payload: object) -> tuple[Webhook, ...]:
    """The webhooks of a list, of an object keyed by id, or of either wrapped. An odd row fails the whole."""
    if isinstance(payload, list):
        return tuple(_read_row(None, row) for row in payload)
    if not isinstance(payload, dict) or not payload:
        raise Unreadable("the reply is no list of webhooks")
    if says_no(payload):
        raise Refused("the panel says that it lists no webhooks, and not why", raw=payload)
    for name, inner in payload.items():
        if fold(name) in _MANY and isinstance(inner, (list, dict)):
            return _read_all(inner) if inner else ()
    if all(isinstance(row, dict) for row in payload.values()):
        # What counts up from 0 or 1 is the row's place as likely as its id.
        counted = any(list(payload) == [str(at + place) for place in range(len(payload))] for at in (0, 1))
        return tuple(_read_row(None if counted else str(name), row) for name, row in payload.items())
    return (_read_row(None, payload),)


def _read_row(key: str | None, row: object) -> Webhook:
    rows: list[Mapping[str, object]] = [row] if isinstance(row, dict) else [{"url": row}]
    url = _first(rows, _URLS, _read_url)
    one = _id_in(rows) or _read_id(key)
    if url is None and one is None:
        raise Unreadable(f"a row has neither a URL nor an id that we know: {_fields(row)}")
    return Webhook(url, _first(rows, _EVENTS, _read_events), _only(set(secrets_in(row))), one, row)


def _only(secrets: set[str]) -> str | None:
    return next(iter(secrets)) if len(secrets) == 1 else None


def _read_removed(payload: object, one: str, field: str) -> None:
    """Return where the reply says yes, or names what was to be removed."""
    if payload == 1:
        return
    said = [
        (fold(name), str(value).strip())
        for row in _rows_about_one(payload)
        for name, value in row.items()
        if isinstance(value, (str, int))
    ]
    answers = [text for name, text in said if name in _ANSWERS and text != one]
    if any(text.casefold() in _NO for text in answers):
        raise Refused("the panel says that it did not remove the webhook, and not why", raw=payload)
    echoed = any(text == one for name, text in said if name in (fold(field), "webhook", *_IDS, *_ANSWERS))
    agrees = all(text.casefold() in _YES for text in answers)
    other = any(name == fold(field) and text != one for name, text in said)
    if not agrees or other or not (answers or echoed):
        raise Unreadable(f"the reply neither says that the webhook is gone nor that it is not: {_fields(payload)}")


def _rows_about_one(payload: object) -> list[Mapping[str, object]]:
    """The objects that can hold a webhook's fields, the innermost first."""
    rows: list[Mapping[str, object]] = []
    for _ in range(4):
        if isinstance(payload, list) and len(payload) == 1:
            payload = payload[0]
        if not isinstance(payload, dict):
            break
        rows.insert(0, payload)
        payload = next((inner for name, inner in payload.items() if fold(name) in _ONE and _is_row(inner)), None)
    return rows


def _is_row(value: object) -> bool:
    return isinstance(value, (dict, list))


def _first(rows: list[Mapping[str, object]], names: tuple[str, ...], read: Callable[[object], T | None]) -> T | None:
    for row in rows:
        folded = {fold(name): value for name, value in row.items()}
        for name in names:
            if name in folded and (found := read(folded[name])) is not None:
                return found
    return None


def _id_in(rows: list[Mapping[str, object]]) -> str | None:
    # {"webhook": "wh_1"} is an id, {"webhook": 1} may be a mere yes.
    return _first(rows, _IDS, _read_id) or _first(
        rows, ("webhook",), lambda value: None if value in (1, "1") else _read_id(value)
    )


def _read_url(value: object) -> str | None:
    return value.strip() if isinstance(value, str) and "://" in value else None


def _read_id(value: object) -> str | None:
    """An id; a URL, a secret by its looks, or a word for yes, is none."""
    try:
        text = read_id(value)
    except Unreadable:
        return None
    return None if "://" in text or "whsec_" in text or text.casefold() in _YES - {"1"} else text


def _read_events(value: object) -> tuple[str, ...] | None:
    several = value.split(",") if isinstance(value, str) else value
    if not isinstance(several, list) or not all(isinstance(one, str) for one in several):
        return None
    return tuple(name for one in several if (name := one.strip())) or None


def _is_talk(payload: object, *, depth: int = 0) -> bool:
    """Whether a reply holds nothing but empty things and words that are no yes: they may be good news or bad."""
    if isinstance(payload, dict) and depth < 8:
        return all(
            str(inner).casefold() not in _YES if fold(name) in _TALK else _is_talk(inner, depth=depth + 1)
            for name, inner in payload.items()
        )
    if isinstance(payload, list) and depth < 8:
        return all(_is_talk(inner, depth=depth + 1) for inner in payload)
    return payload is None or payload in ("", 0)


def _told(rows: list[Mapping[str, object]], payload: object) -> str:
    words = _first(rows, ("message", "msg", "detail"), lambda value: value if isinstance(value, str) else None)
    return words or _fields(payload)


def _fields(row: object) -> str:
    """The names of a row's fields, for whoever has to find out what a panel sends; no values."""
    if not isinstance(row, dict):
        return type(row).__name__
    names = [name for name in map(str, row) if re.fullmatch(r"[A-Za-z_]{1,24}", name)]
    return f"its fields are {', '.join(names[:12])}" if names else "no field has a plain name"
