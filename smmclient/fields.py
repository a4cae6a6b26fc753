"""What may go into a form field: checks made before any I/O, shared by orders, ids and settings."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping

from smmclient.errors import ConfigError, InvalidOrder, UsageError

__all__ = ["check_count", "check_headers", "check_id", "check_ids", "check_lines", "check_request_id", "check_text"]

#: Controls, lone surrogates, line and paragraph separators: never part of a link, a name or an id.
_FORBIDDEN = frozenset({"Cc", "Cs", "Zl", "Zp"})
_LONGEST_ID = 200
_LONGEST_COUNT = 18
_LONGEST_REQUEST_ID = 128


def _bad_character(text: str) -> str | None:
    if text.isascii() and text.isprintable():
        return None
    return next((char for char in text if unicodedata.category(char) in _FORBIDDEN), None)


def check_text(text: object, what: str, *, error: type[UsageError] = InvalidOrder) -> str:
    """Return the text without surrounding spaces; raises where it is empty or has control characters."""
    if not isinstance(text, str):
        raise error(f"{what} must be text, not {type(text).__name__}")
    if (char := _bad_character(text)) is not None:
        raise error(f"{what} holds the control character {char!a}: remove it")
    # A str enum's own str() would be its name.
    if not (text := str.__str__(text).strip()):
        raise error(f"{what} is empty")
    return text


def check_count(count: object, what: str, *, least: int = 1) -> int:
    """Return the whole number; raises where it is none or is below ``least``."""
    if isinstance(count, bool) or not isinstance(count, int):
        raise InvalidOrder(f"{what} must be a whole number, not {count!r}")
    if not least <= count < 10**_LONGEST_COUNT:
        raise InvalidOrder(f"{what} must be at least {least}, and have at most {_LONGEST_COUNT} digits")
    return count


def check_lines(lines: object, what: str) -> None:
    """Raise where the entries of a list-valued field could not be sent with a line each."""
    if isinstance(lines, (str, bytes)) or not isinstance(lines, Iterable):
        raise InvalidOrder(f"{what} must be a list of texts, or one text with a line each")
    count = 0
    for count, entry in enumerate(lines, 1):
        check_text(entry, f"{what}, entry {count},")
    if not count:
        raise InvalidOrder(f"{what} is empty")


def check_id(value: object, what: str, *, error: type[UsageError] = UsageError) -> str:
    """Return an id as the text to send; raises where a panel could read it as another or as several."""
    if isinstance(value, int) and not isinstance(value, bool):
        if not 0 <= value < 10**_LONGEST_ID:
            raise error(f"{what} must be a whole number of 0 or more and at most {_LONGEST_ID} digits")
        return str(int(value))
    if not isinstance(value, str):
        raise error(f"{what} must be an int or text, not {type(value).__name__}")
    text = check_text(value, what, error=error)
    if len(text) > _LONGEST_ID:
        raise error(f"{what} is longer than {_LONGEST_ID} characters")
    if "," in text or any(char.isspace() for char in text):
        raise error(f"{what} must be one id without commas or spaces: {text!r}")
    return text


def check_ids(ids: object, what: str) -> tuple[str, ...]:
    """Return the ids to send, in the order given, each once."""
    if isinstance(ids, (str, int)):
        ids = (ids,)
    if isinstance(ids, (bytes, bytearray, memoryview)) or not isinstance(ids, Iterable):
        raise UsageError(f"{what}s must be a list of ids, not {type(ids).__name__}")
    return tuple(dict.fromkeys(check_id(one, what) for one in ids))


def check_request_id(request_id: object) -> str:
    """Return the caller's idempotency key; raises where a panel could cut or change it."""
    text = check_text(request_id, "request_id", error=UsageError)
    if text != request_id or not text.isascii() or len(text) > _LONGEST_REQUEST_ID:
        raise UsageError(
            f"request_id must be 1 to {_LONGEST_REQUEST_ID} printable ASCII characters with no space around them"
        )
    return text


_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
#: They say where the request ends, or make the server wait for more of it.
_FRAMING = frozenset({"content-length", "expect", "te", "trailer", "transfer-encoding", "upgrade"})


def check_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers by lower-case name; raises `ConfigError` for one that would break the request."""
    checked: dict[str, str] = {}
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name) or not value.isascii() or not value.isprintable():
            raise ConfigError(f"the header {name!r} cannot be sent as it is")
        if name.lower() in _FRAMING:
            raise ConfigError(f"the header {name!r} is not yours to set: it would break the request")
        checked[name.lower()] = value
    return checked
