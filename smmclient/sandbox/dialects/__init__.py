"""The panels that the sandbox can be, by name, and the flavours of the plain convention.

Another panel is another subclass of Dialect, and a row here or an argument of `serve`.
"""

from collections.abc import Mapping
from types import MappingProxyType

from .cmsnt import Cmsnt
from .convention import Dialect
from .keyed import Keyed
from .laravel import Laravel
from .notpanel import NotPanel
from .panelbon import PanelBon
from .php import Php
from .rest import Rest
from .smartpanel import SmartPanel

DIALECTS: Mapping[str, type[Dialect]] = MappingProxyType(
    {dialect.name: dialect for dialect in (NotPanel, PanelBon, Dialect)}
)


FLAVOURS: Mapping[str, type[Dialect]] = MappingProxyType(
    {
        "perfectpanel": Dialect,
        "cmsnt": Cmsnt,
        "smartpanel": SmartPanel,
        "rest": Rest,
        "keyed": Keyed,
        "laravel": Laravel,
        "php": Php,
    }
)
"""The families of panels that a v2 can stand for; the first is what it is if nobody says."""


def find_dialect(panel: str | Dialect, flavour: str | None = None) -> Dialect:
    """Return the dialect of this name and flavour; raise ValueError naming the ones there are."""
    if isinstance(panel, str) and panel not in DIALECTS:
        raise ValueError(f"no sandbox for {panel!r}: there are {', '.join(sorted(DIALECTS))}")
    if flavour is None:
        return DIALECTS[panel]() if isinstance(panel, str) else panel
    known = ", ".join(FLAVOURS)
    if panel != Dialect.name:
        given = panel if isinstance(panel, str) else f"a {type(panel).__name__} that is passed in"
        raise ValueError(f"{given} has no flavours, only {Dialect.name} has: {known}")
    if flavour not in FLAVOURS:
        raise ValueError(f"{Dialect.name} has no flavour {flavour!r}: there are {known}")
    return FLAVOURS[flavour]()


__all__ = [
    "DIALECTS",
    "FLAVOURS",
    "Cmsnt",
    "Dialect",
    "Keyed",
    "Laravel",
    "NotPanel",
    "PanelBon",
    "Php",
    "Rest",
    "SmartPanel",
    "find_dialect",
]
