"""The skeleton and the style sheet of a run's page: one file that asks nothing of anybody."""

from __future__ import annotations

from html import escape

__all__ = ["page"]

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

_STYLE = """
:root {
  color-scheme: light dark;
  --paper: #f6f7f9; --card: #ffffff; --ink: #1d2530; --soft: #5c6675; --rule: #dfe3e9;
  --placed: #2f8f5b; --refused: #c98a14; --doubt: #c8323c; --left: #8a94a3; --invalid: #8761b5; --way: #2f7fb8;
  --accent: #3f6fb5; --alarm: #fdf0f0;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14181e; --card: #1c222b; --ink: #e4e8ee; --soft: #9aa5b4; --rule: #303946;
    --placed: #4fb981; --refused: #dda73c; --doubt: #f0636b; --left: #768293; --invalid: #a988d8; --way: #56a5da;
    --accent: #6c9ae0; --alarm: #33191d;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 24px 20px 48px; max-width: 1160px; background: var(--paper); color: var(--ink);
  font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  font-variant-numeric: tabular-nums;
}
h1 { margin: 0; font-size: 26px; line-height: 1.2; overflow-wrap: anywhere; }
h2 { margin: 0 0 10px; font-size: 16px; overflow-wrap: anywhere; }
header p, footer, .card p, section p { margin: 4px 0 0; color: var(--soft); font-size: 13px; }
section { margin-top: 28px; }
section > p { margin-bottom: 10px; }
code { font: 0.95em ui-monospace, Consolas, monospace; padding: 1px 4px; border-radius: 4px; background: var(--rule); }
.calm { margin: 16px 0 0; color: var(--placed); font-weight: 600; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(124px, 1fr)); gap: 12px; margin: 20px 0 0; }
.purses { grid-template-columns: repeat(auto-fit, minmax(min(100%, 260px), 1fr)); margin-top: 12px; }
.tile, .card, .scroll { background: var(--card); border: 1px solid var(--rule); border-radius: 10px; }
.tile { padding: 10px 14px 12px; border-top: 4px solid var(--rule); }
.tile dt { color: var(--soft); font-size: 13px; }
.tile dd { margin: 0; font-size: 20px; font-weight: 600; line-height: 1.3; overflow-wrap: anywhere; }
.tile small { font-size: 13px; font-weight: 400; color: var(--soft); }
.tile.placed { border-top-color: var(--placed); }
.tile.refused { border-top-color: var(--refused); }
.tile.doubt { border-top-color: var(--doubt); }
.tile.left { border-top-color: var(--left); }
.tile.invalid { border-top-color: var(--invalid); }
.tile.way { border-top-color: var(--way); }
.alarm { padding: 16px; border: 2px solid var(--doubt); border-radius: 12px; background: var(--alarm); }
.alarm h2 { color: var(--doubt); font-size: 20px; }
.alarm p { color: var(--ink); font-size: 15px; max-width: 75ch; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 460px), 1fr)); gap: 16px; }
.card { margin: 0; padding: 14px 16px; min-width: 0; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 16px; margin: 0 0 6px; padding: 0; font-size: 13px; }
.legend li { list-style: none; }
.legend li::before {
  content: ""; display: inline-block; width: 11px; height: 11px; margin-right: 6px; border-radius: 3px;
  background: currentColor;
}
.legend .placed { color: var(--placed); } .legend .refused { color: var(--refused); }
.legend .doubt { color: var(--doubt); }
svg { display: block; width: 100%; height: auto; }
svg .placed { fill: var(--placed); } svg .refused { fill: var(--refused); } svg .doubt { fill: var(--doubt); }
svg .left { fill: var(--left); } svg .accent { fill: var(--accent); }
svg .grid { stroke: var(--rule); } svg .tick { stroke: var(--soft); }
svg .mark { stroke: var(--ink); stroke-dasharray: 3 3; }
svg .line { fill: none; stroke: var(--accent); stroke-width: 2; stroke-linejoin: round; }
svg .area { fill: var(--accent); opacity: 0.15; } svg .hover { fill: transparent; }
svg .hover:hover { fill: var(--ink); fill-opacity: 0.08; }
svg text { font-size: 12px; fill: var(--soft); } svg .figure { fill: var(--ink); }
.scroll { overflow-x: auto; }
.alarm .scroll { max-height: 75vh; overflow: auto; }
table { width: 100%; border-collapse: collapse; font-size: 13.5px; }
th, td { padding: 7px 12px; text-align: left; vertical-align: top; border-bottom: 1px solid var(--rule); }
th { color: var(--soft); font-weight: 600; white-space: nowrap; }
tbody tr:last-child td { border-bottom: 0; }
.number { text-align: right; }
.figures td { white-space: nowrap; }
.wide td { overflow-wrap: break-word; max-width: 22em; }
.wide .long { overflow-wrap: anywhere; min-width: 9em; max-width: none; }
footer { margin-top: 32px; }
@media (max-width: 700px) {
  body { padding: 16px 12px 32px; }
  .tiles { grid-template-columns: repeat(2, 1fr); gap: 8px; }
  .purses { grid-template-columns: 1fr; }
  .tile dd { font-size: 19px; }
  .wide thead { display: none; }
  .wide tr { display: block; padding: 8px 12px; border-bottom: 1px solid var(--rule); }
  .wide td, .wide .long { max-width: none; min-width: 0; overflow-wrap: anywhere; }
  .wide td { display: grid; grid-template-columns: 7.5em 1fr; padding: 2px 0; border: 0; text-align: left; }
  .wide td::before { content: attr(data-head); color: var(--soft); }
  .wide td:empty { display: none; }
}
@media print {
  :root { --paper: #ffffff; --card: #ffffff; --ink: #000000; --soft: #444444; --rule: #cccccc; --alarm: #ffffff; }
  body { padding: 0; max-width: none; font-size: 10pt; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  .card, .tile, tr { break-inside: avoid; }
  h2 { break-after: avoid; }
  thead { display: table-header-group; }
  .scroll, .alarm .scroll { overflow: visible; max-height: none; border: 0; }
  .figures td, th { white-space: normal; }
  th, td { padding: 3px 6px; font-size: 8.5pt; }
}
"""


def page(*, title: str, made_at: str, parts: str) -> str:
    """The whole page. ``parts`` is HTML, the rest is text."""
    name = escape(title)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{name}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<header><h1>{name}</h1><p>As of {escape(made_at)}. All times are UTC.</p></header>\n"
        f"<main>{parts}</main>\n"
        "<footer>Amounts are exact, and are added up only where the currency is the same. A panel's currency is the "
        "one its order statuses name. Spent is what an order cost by its last known status, or else when it was "
        "placed; came back is the difference between the two.</footer>\n</body>\n</html>\n"
    )
