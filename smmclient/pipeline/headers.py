"""What stands in the head of every request."""

from __future__ import annotations

from collections.abc import Mapping

from smmclient._version import __version__
from smmclient.fields import check_headers
from smmclient.settings import Settings

__all__ = ["request_headers"]


def request_headers(settings: Settings, own: Mapping[str, str]) -> dict[str, str]:
    """The headers of every request, by lower-case name: ours, the panel's ``own``, and those of the settings."""
    return {
        "content-type": "application/x-www-form-urlencoded",
        "accept": "application/json",
        "user-agent": f"smmclient/{__version__}",
        **check_headers(own),
        **check_headers(settings.headers),
    }
