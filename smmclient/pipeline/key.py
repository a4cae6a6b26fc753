"""The API key: it signs forms, and is taken out of everything that people could see."""

from __future__ import annotations

import functools
import hashlib
import html
import json
import re
from collections.abc import Callable, Mapping
from typing import cast
from urllib.parse import quote, quote_plus

from smmclient.errors import ConfigError, SMMError
from smmclient.fields import check_text

__all__ = ["ApiKey", "KeySource"]

_HIDDEN = "***"
#: Characters of a panel's words that are kept in an error.
_LONGEST = 500
#: A key of fewer characters is looked for nowhere but in what a panel says.
_SHORTEST = 8
#: What a form holds as it is, and what stands for the rest, as `urllib.parse.quote_plus` has it, which is much slower.
_SPECIAL = re.compile(rb"[^A-Za-z0-9_.~-]")
_ESCAPES = {bytes((byte,)): b"%%%02X" % byte for byte in range(256)} | {b" ": b"+"}


class ApiKey:
    """One API key. Neither its repr nor its str shows it."""

    __slots__ = ("_shapes", "_signature", "_text", "account")

    def __init__(self, text: object) -> None:
        if text is None or text == "":
            raise ConfigError("the API key is empty")
        self._text = check_text(text, "the API key", error=ConfigError)
        shapes = {
            self._text,
            quote(self._text, safe=""),
            quote_plus(self._text),
            json.dumps(self._text)[1:-1],
            json.dumps(self._text)[1:-1].replace("/", "\\/"),
            html.escape(self._text),
        }
        longest_first = sorted(shapes, key=len, reverse=True)
        self._shapes = re.compile("|".join(re.escape(shape) for shape in longest_first), re.IGNORECASE)
        self._signature = b"key=" + _quoted(self._text)
        #: Tells accounts apart without telling the key.
        self.account = hashlib.blake2b(self._text.encode(), digest_size=16).hexdigest()

    def __repr__(self) -> str:
        return f"ApiKey({_HIDDEN})"

    def matches(self, text: object) -> bool:
        """Whether this is the key with that text."""
        return text == self._text

    def stands_in(self, text: str) -> bool:
        """Whether the key is a part of the text, also escaped; one of a few letters would be by chance."""
        return len(self._text) >= _SHORTEST and self._shapes.search(text) is not None

    def sign(self, form: tuple[tuple[str, str], ...]) -> bytes:
        """The form as a body, with the key in it."""
        fields = [b"%b=%b" % (_quoted_name(name), _quoted(value)) for name, value in form]
        return b"&".join((self._signature, *fields))

    def redact(self, text: str) -> str:
        """The text with the key taken out, in whatever case, also escaped for a URL, for JSON or for HTML."""
        return self._shapes.sub(_HIDDEN, text)

    def scrub(self, error: BaseException) -> None:
        """Take the key out of an error's words, which are shortened then, and of what it keeps of the reply."""
        error.args = tuple(_shortened(self._clean(argument)) for argument in error.args)
        for name, value in list(vars(error).items()):
            if isinstance(value, (str, dict, list)) and name not in ("provider", "operation", "request_id"):
                cleaned = self._clean(value)
                setattr(error, name, cleaned if name == "raw" else _shortened(cleaned))
        if error.__cause__ is not None and error.__cause__ is not error:
            self.scrub(error.__cause__)

    def _clean(self, value: object) -> object:
        if isinstance(value, str):
            return self.redact(value)
        if isinstance(value, Mapping):
            return {self._clean(name): self._clean(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self._clean(inner) for inner in value]
        return value


def _quoted(text: object) -> bytes:
    raw = text if isinstance(text, str) else str(text)
    return _SPECIAL.sub(_escape, raw.encode())


def _escape(special: re.Match[bytes]) -> bytes:
    return _ESCAPES[special[0]]


_quoted_name = functools.lru_cache(maxsize=256)(_quoted)


def _shortened(value: object) -> object:
    return value[:_LONGEST] + "…" if isinstance(value, str) and len(value) > _LONGEST else value


class KeySource:
    """Where the key comes from: a fixed text, or a callable that is asked before every send (rotation)."""

    def __init__(self, given: str | Callable[[], str]) -> None:
        self._given = given
        self._last = None if callable(given) else ApiKey(given)

    def __repr__(self) -> str:
        return f"KeySource({_HIDDEN})"

    def current(self) -> ApiKey:
        """The key to sign with now."""
        if not callable(self._given):
            return cast("ApiKey", self._last)
        try:
            text = self._given()
        except SMMError:
            raise
        except Exception as error:
            raise ConfigError(f"the api_key callable failed: {type(error).__name__}") from error
        if self._last is None or not self._last.matches(text):
            self._last = ApiKey(text)
        return self._last
