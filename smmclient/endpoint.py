"""A panel's address, checked before anything is sent there."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, parse_qsl, urlsplit

from attrs import frozen

from smmclient.errors import ConfigError
from smmclient.fields import check_text

__all__ = ["Endpoint", "is_loopback"]

#: A parameter's name in a query that stands for a secret.
_SECRET = re.compile(r"key|token|secret|auth|passw", re.IGNORECASE)
_PORTS = {"http": 80, "https": 443}


@frozen
class Endpoint:
    """The URL that is posted to, and its origin (scheme, host and port), which limits belong to."""

    url: str
    origin: str

    @property
    def is_loopback(self) -> bool:
        """Whether it is on this machine, as a sandbox is."""
        return is_loopback(urlsplit(self.url).hostname or "")

    @classmethod
    def parse(cls, url: str | None, *, provider: str) -> Endpoint:
        """Return the endpoint; raises `ConfigError` for a URL that the key must not be sent to."""
        if url is None:
            raise ConfigError(
                "base_url is needed: the address of the panel's API, such as https://panel.example/api/v2",
                provider=provider,
            )
        url = check_text(url, "base_url", error=ConfigError)
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise ConfigError(f"base_url is not a URL: {error}", provider=provider) from None
        host = parts.hostname
        if parts.scheme not in _PORTS or not host or any(char.isspace() for char in url):
            raise ConfigError("base_url must be an absolute http(s) URL", provider=provider)
        if parts.username is not None or parts.password is not None or parts.fragment:
            raise ConfigError("base_url must not hold a user, a password or a fragment", provider=provider)
        if any(_SECRET.search(name) for name, _ in parse_qsl(parts.query, keep_blank_values=True, separator="&")):
            raise ConfigError(
                "base_url must not hold a key in its query: addresses are shown and logged; give it as api_key, or put "
                "it into the environment",
                provider=provider,
            )
        if parts.scheme == "http" and not is_loopback(host):
            raise ConfigError(
                f"base_url must be https: over http anybody on the way to {host} could read the API key",
                provider=provider,
            )
        return cls(url, f"{parts.scheme}://{_bracketed(parts, host)}:{port or _PORTS[parts.scheme]}")


def _bracketed(parts: SplitResult, host: str) -> str:
    return f"[{host}]" if ":" in host else host


def is_loopback(host: str) -> bool:
    """Whether that host is this machine, by its name or address alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
