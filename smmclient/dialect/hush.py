"""Errors about replies that can hold a webhook's secret: they keep the panel's words, and nothing else of it.

The secret is shown once and signs every later delivery, and errors end in logs. What stands under a name for secrets is
taken out of the words wherever it stands; so is what only looks like one. Of the rest of the reply no text is kept, and
neither are the exceptions met on the way, which can hold the whole reply.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from smmclient.dialect.read import Unreadable, read_json
from smmclient.dialect.refusals import Fault
from smmclient.errors import SMMError
from smmclient.wire import Operation, Safety, WireReply

__all__ = ["fold", "hushed", "secrets_in"]

T = TypeVar("T")
_HIDDEN = "***"
#: Names of ours under which a secret is looked for, as `fold` spells them: no panel documents one.
SECRET_NAMES = (
    "secret",
    "signingsecret",
    "webhooksecret",
    "secretkey",
    "signingkey",
    "webhookkey",
    "hmacsecret",
    "hmackey",
    "whsec",
)
#: What stands there instead of one, and in one that is shown in part.
_NONE = frozenset({"", "-", "n/a", "none", "null", "true", "false", "hidden", "redacted"})
_MASKED = re.compile(r"\*{3}|•|…|\.{3}")
#: No reply about webhooks is nested as deep.
_DEEPEST = 8
#: Names whose texts are the panel's words.
_WORDS = frozenset({"error", "errors", "message", "msg", "status", "code", "detail"})
_RUN = re.compile(r"[A-Za-z0-9+/_=-]{16,}")
#: Longer than any word that a panel writes in one piece.
_LETTERS = re.compile(r"[A-Za-z]{24}")
#: secret=…, "secret": "…", secret is …, whsec_…
_NAMED = re.compile(
    r"((?:secret|signing.?key)\w*[\"']?\s*[=:]\s*[\"']?|secret(?:\s+key)?\s+is\s+(?=\S*\d))[^\s\"',;]*[^\s\"',;:.]",
    re.I,
)
_PREFIXED = re.compile(r"whsec_[\w+/=-]*", re.I)


def fold(name: object) -> str:
    """A field's name as all its spellings have it: ``signingSecret``, ``signing_secret`` and ``Signing-Secret``."""
    return re.sub(r"[\W_]+", "", str(name)).casefold()


def secrets_in(payload: object, *, depth: int = 0) -> Iterator[str]:
    """What stands in a reply under a name for secrets, but for what is masked there ("whsec_****")."""
    if depth > _DEEPEST:
        return
    if isinstance(payload, dict):
        for name, inner in payload.items():
            if isinstance(inner, str) and fold(name) in SECRET_NAMES:
                if inner.strip().casefold() not in _NONE and not _MASKED.search(inner):
                    yield inner
            else:
                yield from secrets_in(inner, depth=depth + 1)
    elif isinstance(payload, list):
        for inner in payload:
            yield from secrets_in(inner, depth=depth + 1)


def hushed(error: Exception, reply: WireReply, operation: Operation[T]) -> Exception:
    """The error that a reply stands for, without a secret and without anything it was met with.

    A call that changes something, and whose reply holds both a secret and an error, may have been acted upon: that is
    `Unreadable`, whatever the error was.
    """
    try:
        payload = read_json(reply.body)
    except Unreadable:
        payload = None
    secrets = sorted(set(secrets_in(payload)), key=len, reverse=True)
    if not isinstance(error, (SMMError, Fault, Unreadable)):
        # A decoder's own fault can quote what it stumbled upon.
        error = Unreadable(type(error).__name__)
    if secrets and operation.safety is not Safety.READ and not isinstance(error, Unreadable):
        error = Unreadable(f"HTTP {reply.status} with both a webhook's secret and an error")
    error.args = tuple(_masked(argument, secrets) for argument in error.args)
    for name, value in list(vars(error).items()):
        if name == "raw":
            setattr(error, name, _words(value, secrets))
        elif isinstance(value, str) and name not in ("provider", "operation"):
            setattr(error, name, _masked(value, secrets))
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


def _masked(text: object, secrets: Sequence[str]) -> object:
    if not isinstance(text, str):
        return text
    for secret in secrets:
        text = text.replace(secret, _HIDDEN)
    text = _PREFIXED.sub(_HIDDEN, text)
    text = _NAMED.sub(rf"\1{_HIDDEN}", text)
    return _RUN.sub(lambda run: _HIDDEN if _is_secretive(run[0]) else run[0], text)


def _is_secretive(run: str) -> bool:
    """Whether a run of characters looks like a secret: with digits, or long and of both cases or of letters alone."""
    is_mixed = len(run) >= 24 and run.lower() != run != run.upper()
    return is_mixed or any(map(str.isdigit, run)) or _LETTERS.search(run) is not None


def _words(value: object, secrets: Sequence[str], name: object = "error", *, depth: int = 0) -> object:
    """A decoded reply in which of all texts only the panel's words are left."""
    if isinstance(value, (dict, list)) and depth > _DEEPEST:
        return _HIDDEN
    if isinstance(value, Mapping):
        return {one: _words(inner, secrets, one, depth=depth + 1) for one, inner in value.items()}
    if isinstance(value, list):
        return [_words(inner, secrets, name, depth=depth + 1) for inner in value]
    if isinstance(value, str):
        return _masked(value, secrets) if fold(name) in _WORDS else _HIDDEN
    return _HIDDEN if fold(name) in SECRET_NAMES else value
