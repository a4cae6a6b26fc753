"""Secrets as they are given, made into the keys to sign with; and texts that stand for bytes, read in one way only."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from smmclient.errors import UsageError
from smmclient.webhooks.scheme import Scheme

__all__ = ["DECODERS", "Secrets", "keys_of"]

Text = str | bytes
Secrets = Text | Sequence[Text]

_HEX = re.compile(rb"[0-9a-fA-F]+")
_SHOWN = "give the one that the panel showed at webhook.add"
_UNSET = "an environment variable that is not set gives None: set it"


def keys_of(secrets: Secrets, scheme: Scheme) -> tuple[bytes, ...]:
    """The keys to sign with; `UsageError`, which shows none of them, where there is none or one cannot be right."""
    given: object = secrets
    if given is None:
        raise UsageError(f"there is no secret to verify with ({_UNSET}): {_SHOWN}")
    if isinstance(given, (str, bytes)):
        given = (given,)
    # An iterator would be empty the second time, and bytes that can change are a sequence of numbers.
    if not isinstance(given, Sequence) or isinstance(given, (bytearray, memoryview)):
        raise UsageError(f"secrets must be text, bytes, or a list of those, not {type(secrets).__name__}")
    if not given:
        raise UsageError(f"there is no secret to verify with: {_SHOWN}")
    return tuple([_key(one, number, scheme) for number, one in enumerate(given, 1)])


def _key(secret: object, number: int, scheme: Scheme) -> bytes:
    if not isinstance(secret, (str, bytes)):
        why = f" ({_UNSET})" if secret is None else ""
        raise UsageError(f"secret {number} must be text or bytes, not {type(secret).__name__}{why}")
    raw = secret.encode("utf-8", "surrogateescape") if isinstance(secret, str) else secret
    if not raw.strip():
        raise UsageError(f"secret {number} is empty: anybody could sign with it")
    if raw != raw.strip():
        raise UsageError(f"secret {number} has blanks or a line end around it: strip what you read it from")
    raw = raw.removeprefix(scheme.secret_prefix.encode())
    # Secrets are shown with and without the padding of base64.
    is_base64 = scheme.secret_encoding == "base64"  # noqa: S105
    raw += b"=" * (-len(raw) % 4 if is_base64 else 0)
    key = DECODERS[scheme.secret_encoding](raw)
    if not key:
        raise UsageError(f"secret {number} is not in {scheme.secret_encoding}, as the scheme says it is")
    return key


def _from_hex(raw: bytes) -> bytes | None:
    # bytes.fromhex alone passes over blanks.
    return bytes.fromhex(raw.decode()) if len(raw) % 2 == 0 and _HEX.fullmatch(raw) else None


def _from_base64(raw: bytes) -> bytes | None:
    try:
        decoded = base64.b64decode(raw, validate=True)
    except (binascii.Error, ValueError):
        return None
    # One way to write each signature: b64decode takes padding and last bits as they come.
    return decoded if base64.b64encode(decoded) == raw else None


#: What stands for bytes, by the name of how; each gives None for what is not written so.
DECODERS: Mapping[str, Callable[[bytes], bytes | None]] = MappingProxyType(
    {"hex": _from_hex, "base64": _from_base64, "text": lambda raw: raw}
)
