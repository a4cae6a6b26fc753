"""How deliveries are signed, and where their fields are: facts as a value, which a TOML file can hold.

No panel documents these facts: every default here is ours, and UNKNOWN at the panel. `smmclient.webhooks.learn` finds
them in one recorded delivery.
"""

from __future__ import annotations

import functools
import json
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from attrs import Attribute, evolve, field, fields, frozen

from smmclient.errors import ConfigError
from smmclient.knobs import did_you_mean, is_close
from smmclient.places import why_no_toml

__all__ = ["KNOWN_SCHEMES", "OF_SIGNING", "Algorithm", "Encoding", "Scheme", "TimestampFormat", "load_scheme"]

Encoding = Literal["hex", "base64"]
Algorithm = Literal["sha256", "sha384", "sha512"]
TimestampFormat = Literal["seconds", "milliseconds", "iso8601"]

#: What a header's name is made of (RFC 9110, token).
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]*")
#: What a field's name may look like, and a secret does not.
_FIELD = re.compile(r"[a-z_]{1,30}")
_PART = re.compile(r"(\{[^{}]*\})")
_PLACES = ("{timestamp}", "{id}", "{body}")


def _text(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _tuple(value: object) -> object:
    return tuple(value) if isinstance(value, (list, tuple)) else value


# No value is told unless it is nearly right: a secret can have been put into the wrong field.


def _is_header(_: object, attribute: Attribute[Any], value: object) -> None:
    if not isinstance(value, str) or not _HEADER.fullmatch(value):
        raise ConfigError(f"{attribute.name}: it must be a header's name, of letters, digits and hyphens")


def _is_plain(_: object, attribute: Attribute[Any], value: object) -> None:
    if not isinstance(value, str) or not (value.isascii() and (value.isprintable() or not value)):
        raise ConfigError(f"{attribute.name}: it must be text of printable ASCII")


def _is_template(_: object, attribute: Attribute[Any], value: object) -> None:
    # A line end can stand between the parts: neither a timestamp nor an id holds one.
    _is_plain(_, attribute, value.replace("\n", "") if isinstance(value, str) else value)


def _is_names(_: object, attribute: Attribute[Any], value: object) -> None:
    is_tuple = isinstance(value, tuple) and all(isinstance(one, str) and one and one.isprintable() for one in value)
    if not is_tuple:
        raise ConfigError(f"{attribute.name}: it must be a list of fields' names, which are tried in turn")


def _one_of(*choices: str) -> Any:
    def check(_: object, attribute: Attribute[Any], value: object) -> None:
        if value not in choices:
            is_near = isinstance(value, str) and is_close(value, choices)
            given = f", not {value!r}" if is_near else ""
            raise ConfigError(f"{attribute.name}: it must be {' or '.join(map(repr, choices))}{given}")

    return check


def _is_flag(_: object, attribute: Attribute[Any], value: object) -> None:
    if not isinstance(value, bool):
        raise ConfigError(f"{attribute.name}: it must be true or false, without quotes")


def _header(default: str) -> Any:
    return field(default=default, converter=_text, validator=_is_header)


def _names(*default: str) -> Any:
    return field(default=default, converter=_tuple, validator=_is_names)


@frozen(kw_only=True)
class Scheme:
    """How a panel signs its deliveries. Every default is ours: what a panel does is UNKNOWN until you have seen one.

    Raises `ConfigError` for a scheme that cannot be, and for one whose timestamp is not covered by the signature,
    unless ``unsigned_timestamp=True`` is said: anybody could then make an old delivery look new.

    >>> Scheme(signature_header="X-Signature", signed="{body}", timestamp_header="", timestamp_field="sent").encoding
    'hex'
    """

    #: The header with the signature, or with several of them.
    signature_header: str = _header("x-webhook-signature")
    #: The header with the time of sending; "" where there is none.
    timestamp_header: str = _header("x-webhook-timestamp")
    #: The header with an id, which a delivery may lack unless ``signed`` has ``{id}``; "" where there is none.
    id_header: str = _header("x-webhook-id")
    #: What the signature is computed over: ``{body}`` once, with ``{timestamp}``, ``{id}`` and texts around it.
    signed: str = field(default="{timestamp}.{body}", validator=_is_template)
    encoding: Encoding = field(default="hex", validator=_one_of("hex", "base64"))
    #: What stands before the signature itself: ``sha256=``, ``v1,``. What has another prefix is not looked at.
    prefix: str = field(default="", validator=_is_plain)
    #: What parts several signatures in one header; "" where there is always one.
    separator: str = field(default="", validator=_is_plain)
    #: What stands before the timestamp, where it is a part of the signature's header: ``t=``.
    timestamp_prefix: str = field(default="", validator=_is_plain)
    #: The field of the body that is the timestamp, where it is one.
    timestamp_field: str = field(default="", validator=_is_plain)
    #: Seconds may have a fraction.
    timestamp_format: TimestampFormat = field(
        default="seconds", validator=_one_of("seconds", "milliseconds", "iso8601")
    )
    #: Says that it is known that an old delivery can be made to look new: no timestamp, or one that is not signed.
    unsigned_timestamp: bool = field(default=False, validator=_is_flag)
    algorithm: Algorithm = field(default="sha256", validator=_one_of("sha256", "sha384", "sha512"))
    #: What is cut off the secret's front, where it is there: ``whsec_``.
    secret_prefix: str = field(default="", validator=_is_plain)
    secret_encoding: Literal["text", "hex", "base64"] = field(
        default="text", validator=_one_of("text", "hex", "base64")
    )

    #: Names of fields in the body, tried in turn: the event's name, its id, and when it was.
    event_fields: tuple[str, ...] = _names("event", "type")
    id_fields: tuple[str, ...] = _names("id", "event_id")
    time_fields: tuple[str, ...] = _names("created_at", "timestamp")
    #: The object that the event is about; where there is none, the fields below are looked for beside the event's name.
    data_fields: tuple[str, ...] = _names("data", "payload")
    order_fields: tuple[str, ...] = _names("order", "order_id")
    balance_fields: tuple[str, ...] = _names("balance")

    def __attrs_post_init__(self) -> None:
        if not self.signature_header:
            raise ConfigError("signature_header: a scheme needs the name of the header with the signature")
        self._check_signed()
        places = [name for name in ("timestamp_header", "timestamp_prefix", "timestamp_field") if getattr(self, name)]
        if len(places) > 1:
            raise ConfigError(f'{" and ".join(places)}: the timestamp has one place; set the others to ""')
        if "{timestamp}" in self.signed and not (self.timestamp_header or self.timestamp_prefix):
            raise ConfigError("signed has {timestamp}: name the timestamp_header or the timestamp_prefix it comes from")
        if "{id}" in self.signed and not self.id_header:
            raise ConfigError("signed has {id}: name the id_header that it comes from")
        if self.timestamp_prefix and not self.separator:
            raise ConfigError("timestamp_prefix: name the separator between the timestamp and the signature")
        if not self.covers_timestamp and not self.unsigned_timestamp:
            raise ConfigError(
                "the signature does not cover the timestamp, so that anybody can make an old delivery look new: put "
                "{timestamp} into signed, name the timestamp_field of the body, or say unsigned_timestamp=True"
            )

    def _check_signed(self) -> None:
        parts = _PART.findall(self.signed)
        if unknown := [one for one in parts if one not in _PLACES]:
            given = unknown[0] if is_close(unknown[0], _PLACES) else "other part in braces"
            raise ConfigError(f"signed: there is no {given}: it is made of {', '.join(_PLACES)} and text")
        if parts.count("{body}") != 1 or len(parts) != len(set(parts)):
            raise ConfigError("signed: it needs {body} once, and each of the others at most once")

    @property
    def covers_timestamp(self) -> bool:
        """Whether the signature covers a timestamp, so that an old delivery cannot be made to look new."""
        return "{timestamp}" in self.signed or bool(self.timestamp_field)

    def message(self, body: bytes, *, timestamp: bytes, id: bytes) -> bytes:
        """The bytes that are signed."""
        # Never str.format: what stands in a body or an id is no template.
        values = {"{timestamp}": timestamp, "{id}": id, "{body}": body}
        return b"".join([values.get(part, raw) for part, raw in _parts_of(self.signed)])

    def dump(self) -> str:
        """The scheme as TOML, whole, for `load_scheme`. It holds no secret."""
        lines = (f"{one.name} = {_as_toml(getattr(self, one.name))}\n" for one in fields(type(self)))
        return "# How a panel signs its webhooks, for smmclient.webhooks.load_scheme\n" + "".join(lines)


#: What of a scheme is about signing, and not about the payload.
OF_SIGNING = tuple(one.name for one in fields(Scheme) if not one.name.endswith("_fields"))


@functools.lru_cache(maxsize=256)
def _parts_of(signed: str) -> tuple[tuple[str, bytes], ...]:
    return tuple((part, part.encode()) for part in _PART.split(signed))


def _as_toml(value: object) -> str:
    """The value in ASCII, so that it does not matter in which encoding somebody writes the file."""
    # JSON writes a character beyond the first plane as two, which TOML takes for none.
    return "".join(one if one.isascii() else f"\\U{ord(one):08x}" for one in json.dumps(value, ensure_ascii=False))


def load_scheme(path: str | os.PathLike[str]) -> Scheme:
    """The scheme in a TOML file; what it does not name has our default. Raises `ConfigError` that names the mistake.

    The mistake is told without the value, unless that is nearly right: a secret can have been put there.
    """
    where = Path(path)
    try:
        table = tomllib.loads(where.read_bytes().decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{where} is not a TOML file: {why_no_toml(error)}") from None
    except OSError as error:
        raise ConfigError(f"{str(where)[:200]} cannot be read: {error.strerror}: name another file") from error
    known = [one.name for one in fields(Scheme)]
    for name in table:
        if name not in known:
            raise ConfigError(f"{where}: {_no_field(name, known)}")
    try:
        return Scheme(**table)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error.message}") from None


def _no_field(name: str, known: Sequence[str]) -> str:
    if name.casefold() in ("key", "keys") or "secret" in name.casefold():
        own = " and ".join(one for one in known if "secret" in one)
        return f"secrets do not belong here; they go into the environment (of a secret a scheme has only {own})"
    if name == "tolerance":
        return "tolerance: it is not the panel's way to sign, but your choice; say it to verify or to WebhookApp"
    is_shown = is_close(name, known) or _FIELD.fullmatch(name)
    return f"a scheme has no {repr(name) if is_shown else 'such field'}: {did_you_mean(name, known)}"


_GITHUB = Scheme(
    signature_header="x-hub-signature-256",
    timestamp_header="",
    id_header="x-github-delivery",
    signed="{body}",
    prefix="sha256=",
    unsigned_timestamp=True,
)
_STANDARD = Scheme(
    signature_header="webhook-signature",
    timestamp_header="webhook-timestamp",
    id_header="webhook-id",
    signed="{id}.{timestamp}.{body}",
    encoding="base64",
    prefix="v1,",
    separator=" ",
    secret_prefix="whsec_",  # noqa: S106
    secret_encoding="base64",  # noqa: S106
)

#: What well-known senders do, by name: a panel may well have chosen one of these.
KNOWN_SCHEMES: Mapping[str, Scheme] = MappingProxyType(
    {
        "ours": Scheme(),
        "github": _GITHUB,
        "stripe": Scheme(
            signature_header="stripe-signature",
            timestamp_header="",
            id_header="",
            prefix="v1=",
            separator=",",
            timestamp_prefix="t=",
        ),
        "slack": Scheme(
            signature_header="x-slack-signature",
            timestamp_header="x-slack-request-timestamp",
            id_header="",
            signed="v0:{timestamp}:{body}",
            prefix="v0=",
        ),
        "standard": _STANDARD,
        "svix": evolve(
            _STANDARD, signature_header="svix-signature", timestamp_header="svix-timestamp", id_header="svix-id"
        ),
    }
)
