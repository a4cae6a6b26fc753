"""The panels that the sandbox can be, by name.

Another panel is another subclass of Dialect, and a row here or an argument of `serve`.
"""

from collections.abc import Mapping
from types import MappingProxyType

from .convention import Dialect
from .notpanel import NotPanel
from .panelbon import PanelBon

DIALECTS: Mapping[str, type[Dialect]] = MappingProxyType(
    {dialect.name: dialect for dialect in (NotPanel, PanelBon, Dialect)}
)


def find_dialect(panel: str) -> Dialect:
    """Return the dialect of this name; raise ValueError naming the ones there are."""
    if panel not in DIALECTS:
        raise ValueError(f"no sandbox for {panel!r}: there are {', '.join(sorted(DIALECTS))}")
    return DIALECTS[panel]()


__all__ = ["DIALECTS", "Dialect", "NotPanel", "PanelBon", "find_dialect"]
