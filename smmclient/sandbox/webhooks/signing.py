"""How a delivery is signed. NotPanel documents HMAC-SHA256, a secret for each endpoint, and a timestamp.

UNKNOWN at the panel: the names of the headers, what exactly is signed, and how the signature is written. The defaults
are ours, and each can be set, so that a receiver can be tried against the ways of other senders too.
"""

import hashlib
import hmac
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Literal

from attrs import frozen

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_FIELD = re.compile(r"\{([^{}]*)\}")
_KNOWN = {"timestamp", "id", "body"}
_BASE64_SECRET = "whsec_"  # noqa: S105 - what such secrets start with


@frozen(kw_only=True)
class Signing:
    """Where the signature is, and of what; the texts may hold {timestamp} and {id}, and `signed` {body}, once.

    >>> github = Signing(signature_header="x-hub-signature-256", signed="{body}", prefix="sha256=")
    >>> stripe = Signing(signature_header="stripe-signature", prefix="t={timestamp},v1=", timestamp_header=None)
    """

    signature_header: str = "x-webhook-signature"
    timestamp_header: str | None = "x-webhook-timestamp"
    """Unix seconds of the attempt; None sends no such header."""
    id_header: str | None = "x-webhook-id"
    """The event's id, the same for every attempt; None sends no such header."""
    signed: str = "{timestamp}.{body}"
    prefix: str = ""
    """What stands before the signature in its header."""
    encoding: Literal["hex", "base64"] = "hex"
    secret: Literal["text", "whsec"] = "text"  # noqa: S105 - how secrets are written
    """The key is the secret's own characters, or what the base64 behind "whsec_" stands for."""

    def __attrs_post_init__(self) -> None:
        for name in (self.signature_header, self.timestamp_header, self.id_header):
            if name is not None and not (isinstance(name, str) and _TOKEN.fullmatch(name)):
                raise ValueError(f"{name!r} is no name for a header")
        if not isinstance(self.prefix, str) or not (self.prefix.isascii() and f"{self.prefix}.".isprintable()):
            raise ValueError(f"prefix is {self.prefix!r}: it must be printable ASCII, because it goes into a header")
        for text, allowed in ((self.signed, _KNOWN), (self.prefix, _KNOWN - {"body"})):
            if unknown := set(_FIELD.findall(text)) - allowed:
                raise ValueError(f"{text!r} has {sorted(unknown)}: there are {sorted(allowed)}")
        if self.signed.count("{body}") != 1:
            raise ValueError(f"signed is {self.signed!r}: it must hold {{body}} once, or the body is not protected")
        if self.encoding not in ("hex", "base64") or self.secret not in ("text", "whsec"):
            raise ValueError("encoding is hex or base64, secret is text or whsec")

    def new_secret(self, key: bytes) -> str:
        """Return the secret that stands for these bytes of chance, as it is shown to the customer."""
        return key.hex() if self.secret == "text" else _BASE64_SECRET + b64encode(key).decode()  # noqa: S105

    def headers(self, body: bytes, *, secret: str, event_id: str, timestamp: int, is_forged: bool) -> Mapping[str, str]:
        """Return the headers that vouch for the body; forged ones are signed with another secret."""
        key = secret.encode() if self.secret == "text" else b64decode(secret.removeprefix(_BASE64_SECRET))  # noqa: S105
        if is_forged:
            key = hashlib.sha256(key).digest()
        values = {"timestamp": str(timestamp), "id": event_id}
        before, _, after = self.signed.partition("{body}")
        message = _filled(before, values).encode() + body + _filled(after, values).encode()
        digest = hmac.new(key, message, hashlib.sha256).digest()
        signature = digest.hex() if self.encoding == "hex" else b64encode(digest).decode()
        headers = {self.signature_header: _filled(self.prefix, values) + signature}
        if self.timestamp_header is not None:
            headers[self.timestamp_header] = values["timestamp"]
        if self.id_header is not None:
            headers[self.id_header] = event_id
        return headers


def _filled(text: str, values: Mapping[str, str]) -> str:
    return _FIELD.sub(lambda found: values[found[1]], text)
