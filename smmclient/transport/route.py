"""What a request needs before it can leave: an address, headers, a proxy, and whom to trust."""

from __future__ import annotations

import functools
import ssl
import urllib.request
from urllib.parse import SplitResult, urlsplit

import certifi

from smmclient.errors import ConfigError
from smmclient.fields import check_headers
from smmclient.transport.body import ACCEPT_ENCODING
from smmclient.wire import WireRequest

__all__ = ["PROXY_SCHEMES", "check_proxy", "check_url", "environment_proxy", "outgoing_headers", "trusted_authorities"]

#: What the URL of a proxy may begin with, where all that we have can be used.
PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")


def check_url(url: str) -> None:
    """Raise `ConfigError` unless the URL is one to post to."""
    parts = _split(url, "the URL")
    if parts.scheme not in ("http", "https") or not url.isprintable() or " " in url:
        raise ConfigError("the URL must be an absolute http(s) URL")
    if "@" in parts.netloc:
        raise ConfigError("the URL must not hold a user or a password")


def check_proxy(proxy: str, schemes: tuple[str, ...]) -> str:
    """Return the proxy's URL; raises `ConfigError`, which does not show it, for it may hold a password."""
    if _split(proxy, "the proxy").scheme not in schemes:
        raise ConfigError(f"the proxy must be a URL that starts with one of {', '.join(schemes)}")
    return proxy


def environment_proxy(url: str) -> str | None:
    """The proxy that the environment names for this URL (``https_proxy``, ``all_proxy`` …, unless ``no_proxy``)."""
    parts = _split(url, "the URL")
    proxies = urllib.request.getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or urllib.request.proxy_bypass(parts.netloc):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def outgoing_headers(request: WireRequest) -> dict[str, str]:
    """The headers to send, by lower-case name; raises `ConfigError` for one that would break the request."""
    headers = check_headers(request.headers)
    headers["accept-encoding"] = ACCEPT_ENCODING
    return headers


@functools.cache
def trusted_authorities() -> ssl.SSLContext:
    """The certificate authorities that ship with certifi, whatever ``SSL_CERT_FILE`` says; read once a process."""
    context = ssl.create_default_context(cafile=certifi.where())
    context.set_alpn_protocols(["http/1.1"])
    return context


def _split(url: str, what: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise ConfigError(f"{what} is not a URL") from None
    if not parts.hostname:
        raise ConfigError(f"{what} must be an absolute URL, with a host")
    return parts
