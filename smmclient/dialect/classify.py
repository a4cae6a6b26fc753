"""From a reply to its decoded JSON, or to the error that it is. Pure.

Order of the tests: a challenge page → too many requests → redirect → the panel's own words → 5xx → not JSON → other
4xx. The words come before the status because many panels answer every error with 200, and others say in a 4xx body what
it is about.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qs

from smmclient.dialect.read import Unreadable, read_json, read_order_state, read_refill_state
from smmclient.dialect.refusals import Fault, meaning_of, meaning_of_whole, shape
from smmclient.errors import Blocked, ConfigError, Overloaded, RateLimited, Refused, SMMError
from smmclient.model import OrderState, RefillState
from smmclient.wire import WireReply

__all__ = ["error_text", "order_in", "order_row", "payload_of", "refusal", "says_no"]


def payload_of(
    reply: WireReply,
    operation: str,
    *,
    texts: Mapping[str, type[SMMError] | type[Fault]],
    statuses: Mapping[int, type[Refused]],
) -> object:
    """The decoded JSON of a reply that is not an error.

    Raises `Refused`, `RateLimited`, `Overloaded`, `Blocked` or `ConfigError` where the reply says so, `Fault` for
    a panel that admits a failure, and `Unreadable` for a 2xx that is not JSON.
    """
    status = reply.status
    if _is_challenge(reply):
        raise Blocked(
            f"HTTP {status} with a challenge page of Cloudflare: it did not let the call through to the panel; "
            "ask the panel to admit your address"
        )
    payload: object = None
    garbled: Unreadable | None = None
    try:
        payload = read_json(reply.body)
    except Unreadable as error:
        garbled = error
    text = None if garbled else error_text(payload, operation)
    # Before the status is looked at: with an order's id in it, no status says that nothing was done.
    is_no = status >= 300 or text is not None or _row_says_no(payload)
    if operation == "add" and is_no and _names_an_order(payload):
        raise Unreadable(f"HTTP {status} with both an order id and an error: {text or 'the status, or the row'}")
    if status == 429:
        raise _rate_limited(reply, "429")
    if 300 <= status < 400:
        location = reply.headers.get("location", "nowhere")
        raise ConfigError(f"the panel redirects ({status}) to {location}: set base_url to the panel's own address")
    if text is None and 400 <= status < 500 and isinstance(payload, dict):
        text = _message(payload)
    if text is None and status < 500 and not isinstance(payload, (dict, list)):
        text = _plain_words(reply.body, operation, texts)
    if status == 408 or (status >= 500 and status != 503):
        raise Fault(f"HTTP {status}: {text or garbled or 'no error text'}")
    if text is not None:
        raise _said_no(reply, payload, text, operation, texts, statuses)
    if status >= 500:
        raise Fault(f"HTTP {status}: {garbled or 'no error text'}")
    if 200 <= status < 300 and garbled is None:
        return payload
    if status >= 400:
        raise _rejected(reply, payload, garbled, statuses)
    raise garbled or Unreadable(f"HTTP {status} is not an answer")


def order_row(payload: object) -> Mapping[str, object]:
    """The object in which a reply to ``add`` holds the order's id: the reply, its ``data``, or its only row."""
    if isinstance(payload, list) and len(payload) == 1:
        payload = payload[0]
    if isinstance(payload, dict) and payload.get("order") is None and isinstance(payload.get("data"), dict):
        payload = payload["data"]
    return payload if isinstance(payload, dict) else {}


#: Names under which an order's id can stand.
_ORDER_NAMES = frozenset({"order", "orders", "order_id", "orderid", "order_ids", "orderids"})


def _names_an_order(payload: object) -> bool:
    """Whether an order's id stands anywhere in the reply, however deep."""
    if isinstance(payload, list):
        return any(map(_names_an_order, payload))
    if not isinstance(payload, dict):
        return False
    return any(
        _names_an_order(inner) or (name.casefold() in _ORDER_NAMES and not isinstance(inner, bool) and bool(inner))
        for name, inner in payload.items()
    )


def _row_says_no(payload: object) -> bool:
    row = order_row(payload)
    return row is not payload and error_text(row, "add") is not None


def order_in(payload: object) -> object:
    """What stands in a reply to ``add`` as the order's id, or None."""
    row = order_row(payload)
    # {"orders": [23501]}: panels that take several links in one call answer one with a list of one.
    several = row.get("orders")
    return (
        several[0] if row.get("order") is None and isinstance(several, list) and len(several) == 1 else row.get("order")
    )


def _said_no(
    reply: WireReply,
    payload: object,
    text: str,
    operation: str,
    texts: Mapping[str, type[SMMError] | type[Fault]],
    statuses: Mapping[int, type[Refused]],
) -> Exception:
    meaning = meaning_of(text, texts)
    beside = _message(payload) if isinstance(payload, dict) else None
    if beside is not None and (
        (other := meaning_of(beside, texts)) is Fault or (meaning is None and other is not None)
    ):
        # {"error": "Bad Request", "message": "…"}, {"error": 500, "message": "…"}: a fault first, then what is known.
        text, meaning = beside, other
    if meaning is not None and issubclass(meaning, RateLimited):
        # On a write it is sent again: only for a text that is known from its first word to its last.
        if operation not in _READS and meaning_of_whole(text, texts) is not meaning:
            return Fault(f"HTTP {reply.status}: {text}")
        return _rate_limited(reply, text)
    if reply.status >= 500 or meaning is Fault:
        return Fault(f"HTTP {reply.status}: {text}")
    if meaning is not None and issubclass(meaning, Overloaded):
        return Overloaded(text)
    return refusal(text, payload, status=reply.status, texts=texts, statuses=statuses)


def _rejected(
    reply: WireReply, payload: object, garbled: Unreadable | None, statuses: Mapping[int, type[Refused]]
) -> Exception:
    """The error that a 4xx without an error text is."""
    status = reply.status
    if garbled is None:
        return refusal(f"HTTP {status} without a reason", payload, status=status, texts={}, statuses=statuses)
    cut = reply.body.lstrip()[:1] in (b"{", b"[")
    if status in (401, 403) and not cut:
        return Blocked(
            f"HTTP {status} without the panel's JSON: a firewall, or an address that the key does not admit; "
            "ask the panel to admit your address"
        )
    if status in (404, 405, 410) and not cut:
        return ConfigError(f"HTTP {status} without the panel's JSON: there is no API at base_url, check it")
    # A page nobody knows: it says nothing of what was done behind it.
    return Fault(f"HTTP {status}: {garbled}")


def refusal(
    text: str,
    raw: object,
    *,
    status: int | None,
    texts: Mapping[str, type[SMMError] | type[Fault]],
    statuses: Mapping[int, type[Refused]],
) -> Refused:
    """The `Refused` that a text means, else the one that the status means, else a plain one."""
    meaning = meaning_of(text, texts)
    kind: type[Refused] = Refused
    if meaning is Refused and shape(text) not in texts and meaning_of_whole(text) is Refused:
        # "Forbidden" says less than the status does.
        meaning = None
    if meaning is not None and issubclass(meaning, Refused):
        kind = meaning
    elif status is not None:
        kind = statuses.get(status, Refused)
    return kind(text, http_status=status, raw=raw)


#: Keys that the reply of an action has when it went well; where one is there, a bare ``message`` is not an error.
_GOOD_KEYS: Mapping[str, frozenset[str]] = {
    "add": frozenset({"order", "orders", "data"}),
    "balance": frozenset({"balance", "data"}),
    "status": frozenset({"charge", "start_count", "remains", "orders", "data"}),
    "refill": frozenset({"refill", "refills", "data"}),
    "refill_status": frozenset({"refill", "refills", "data"}),
    "cancel": frozenset({"cancel", "order", "orders", "data"}),
    "services": frozenset({"services", "data", "value"}),
}


def error_text(payload: object, operation: str) -> str | None:
    """The panel's words for no in a decoded reply or row, or None where it says none.

    Known forms: ``error`` as text or object, ``errors``, ``Error``, ``{"status": "error", "msg": …}``,
    ``{"success": false, "message": …}``, and a lone ``message`` on a read.
    """
    if (
        isinstance(payload, list)
        and len(payload) == 1
        and isinstance(payload[0], dict)
        and set(payload[0]) == {"error"}
    ):
        payload = payload[0]
    if not isinstance(payload, dict):
        return None
    for key in ("error", "errors", "Error"):
        if (value := payload.get(key)) is not None and (text := _words(value)):
            return _message(payload) or text if text == "true" else text
    message = _message(payload)
    if message is None or _is_state(payload, operation):
        return None
    verdict = str(payload.get("status", payload.get("success", ""))).casefold()
    good = any(payload.get(key) is not None for key in _GOOD_KEYS.get(operation, ()))
    if verdict in _FAILURES and not good:
        return message
    if good or verdict in ("success", "ok", "true", "1") or "ok" in payload or "success" in payload:
        return None
    # {"message": "Unauthorized"} and nothing else. On a write, words that nobody knows could as well be good news.
    return message if operation in _READS or meaning_of_whole(message) is not None else None


#: What stands in ``status`` or ``success`` of a reply that says no.
_FAILURES = ("error", "fail", "failed", "false")
#: Actions that change nothing at the panel.
_READS = frozenset({"services", "balance", "status", "refill_status"})


def _is_state(payload: Mapping[str, object], operation: str) -> bool:
    """Whether ``status`` is the state of an order or refill, so that a ``message`` beside it is no error."""
    word = payload.get("status")
    if not isinstance(word, str):
        return False
    if operation == "status":
        return read_order_state(word) not in (OrderState.UNKNOWN, OrderState.FAILED)
    return operation == "refill_status" and read_refill_state(word) not in (RefillState.UNKNOWN, RefillState.FAILED)


def says_no(payload: Mapping[str, object]) -> bool:
    """Whether the reply calls itself a failure, whatever else it holds."""
    for key in ("status", "success", "ok"):
        if (verdict := payload.get(key)) is not None and str(verdict).casefold() in (*_FAILURES, "0"):
            return True
    return False


def _message(payload: Mapping[str, object]) -> str | None:
    for key in ("msg", "message"):
        if isinstance(text := payload.get(key), str) and text.strip():
            return text
    return None


def _words(error: object) -> str | None:
    if error is None or error is False or error == 0 or error == [] or error == {}:
        return None
    if isinstance(error, str) and error.strip().casefold() in ("", "0", "false", "null", "none"):
        return None
    if error is True or error == 1:
        return "true"
    if isinstance(error, str):
        return error.strip()
    if isinstance(error, dict):
        # {"code": 4, "message": "…"}, or {"link": ["The link field is required."]}.
        return _message(error) or _joined(error)
    if isinstance(error, list):
        return "; ".join(_words(part) or str(part) for part in error)
    return str(error)


def _joined(error: Mapping[object, object]) -> str:
    return "; ".join(words for part in error.values() if (words := _words(part))) or str(error)


#: No panel's refusal is as long; a page of a web server is.
_LONGEST_PLAIN = 300


def _plain_words(body: bytes, operation: str, texts: Mapping[str, type[SMMError] | type[Fault]]) -> str | None:
    """The panel's words for no in a body that is no JSON (``Invalid API key``, ``error=Invalid+API+key``), if known.

    Unknown words say nothing of what was done. On a write the whole text has to be known, because a part of a text can
    stand in a page that something else has made.
    """
    if len(body) > _LONGEST_PLAIN:
        return None
    try:
        text = body.decode().strip()
    except UnicodeDecodeError:
        return None
    if text[:1] in ("{", "[", "<") or "\n" in text:
        return None
    text = text.strip('"')
    if "=" in text and " " not in text:
        text = next(iter(parse_qs(text).get("error", ())), text)
    meaning = meaning_of(text, texts) if operation in _READS else meaning_of_whole(text, texts)
    # A plain `Refused` is too little to go by: "Unauthorized" is what a web server says, too.
    return None if meaning is None or meaning is Refused else text


def _is_challenge(reply: WireReply) -> bool:
    """Whether it is a challenge page of Cloudflare, as its documents tell one: by this header, always as HTML.

    Such a page stands in place of the panel's answer (developers.cloudflare.com, "Detect a Challenge Page response",
    June 2025). With JSON in it, it is none, whatever the header says.
    """
    marked = reply.headers.get("cf-mitigated", "").strip().casefold() == "challenge"
    return marked and reply.body.lstrip()[:1] not in (b"{", b"[")


def _rate_limited(reply: WireReply, text: str) -> RateLimited:
    return RateLimited(f"the panel's limit is used up ({text})", denied_by=reply.headers.get("x-ratelimit-deniedby"))
