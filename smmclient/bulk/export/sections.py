"""The parts of a run's page that are words and tables. All text is escaped here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from html import escape

from smmclient.bulk.entry import RowState
from smmclient.bulk.export.digest import OTHERS, Digest, Purse
from smmclient.bulk.export.plots import digits
from smmclient.bulk.export.tallies import Tally
from smmclient.bulk.export.words import amount, amounts, count_of, duration, purse_name

__all__ = ["doubts", "tables", "tiles"]

_MOST_SERVICES = 50
_MOST_REASONS = 100

#: The columns that may be broken anywhere.
_LONG = ("Link", "Request id", "Why", "Reason", "First lines", "As written")
_OUTCOMES = ("Rows", "Placed", "Refused", "In doubt", "Left", "Invalid", "Spent", "Came back")


def tiles(digest: Digest) -> str:
    """The headline figures. The counts of states add up to the rows."""
    states = digest.states
    shown = [
        _tile("", "Rows", digits(digest.rows)),
        _tile("placed", "Placed", digits(states[RowState.DONE])),
        _tile("refused", "Refused", digits(states[RowState.REFUSED])),
        _tile("doubt", "In doubt", digits(states[RowState.DOUBT])),
        _tile("left", "Not sent", digits(states[RowState.PENDING])),
        _tile("invalid", "Invalid", digits(states[RowState.INVALID])),
    ]
    if sending := states[RowState.SENDING]:
        shown.append(_tile("way", "On the way", digits(sending)))
    if digest.sent:
        length = digest.last_sent - digest.first_sent
        shown.append(_tile("", "First to last send", duration(length)))
        rate = digits(round(digest.sent / length * 60, 1)) if length >= 1 else "–"
        shown.append(_tile("", "Orders per minute", rate))
    purses = [
        _purses("Spent", *digest.total("spent")),
        _purses("Came back", *digest.total("returned"), what="what came back"),
    ]
    if states[RowState.DOUBT]:
        purses.append(_purses("At risk, in doubt", *digest.total("at_risk"), css="doubt"))
    return f'<dl class="tiles">{"".join(shown)}</dl><dl class="tiles purses">{"".join(purses)}</dl>'


def _tile(css: str, name: str, *figures: str, note: str = "") -> str:
    said = f"<dd><small>{escape(note)}</small></dd>" if note else ""
    shown = "".join(f"<dd>{escape(figure)}</dd>" for figure in figures)
    return f'<div class="tile {css}"><dt>{escape(name)}</dt>{shown}{said}</div>'


def _purses(name: str, sums: dict[Purse, Decimal], unknown: int, *, what: str = "cost", css: str = "") -> str:
    ranked = sorted(sums.items(), key=lambda item: -item[1])
    figures = [f"{amount(value)} {purse_name(purse)}" for purse, value in ranked[:6]] or ["–" if unknown else "0"]
    more = [f"and {count_of(len(ranked) - 6, 'more account')}, see the panels"] if len(ranked) > 6 else []
    missing = [f"{what} of {count_of(unknown, 'row')} not known"] if unknown else []
    return _tile(css, name, *figures, note="; ".join(more + missing))


def doubts(digest: Digest) -> str:
    """The rows that may have been placed, and what to do; one quiet line where there are none."""
    rows = digest.in_doubt
    if not rows.total:
        return '<p class="calm">No row is in doubt.</p>' if digest.rows else ""
    table = _table(
        ("Ref", "Line", "Panel", "Service", "Link", "Cost", "Request id", "Sent at (UTC)", "Why"), rows.kept, cards=True
    )
    title = f"{count_of(rows.total, 'order')} in doubt"
    return (
        f'<section class="alarm"><h2>{title}</h2>'
        "<p>Nobody knows whether the panel placed these: look for them in the panel's own list of orders, see "
        "<code>smm bulk doubt</code>, and say what you found with <code>smm bulk resolve</code>. "
        "Do not order them again before that.</p>"
        f"{table}{_cut(rows.total, len(rows.kept))}</section>"
    )


def tables(digest: Digest) -> str:
    """Panels, services, refusals, orders that gave money back, and invalid rows."""
    return "".join((_panels(digest), _services(digest), _reasons(digest), _gave_back(digest), _invalid(digest)))


def _panels(digest: Digest) -> str:
    if not digest.rows:
        return ""
    astray = dict(digest.astray)
    rows = [(panel, *_figures(digest, panel, tally, astray.pop(panel, 0))) for panel, tally in digest.panels.items()]
    if nowhere := sum(astray.values()):
        rows.append(("no panel of this run", *_figures(digest, "", Tally(), nowhere)))
    note = ""
    if OTHERS in digest.panels:
        note = f"<p>Beyond {len(digest.panels) - 1} panels the rest is counted together and its money not added up.</p>"
    return _section("Panels", _table(("Panel", *_OUTCOMES), rows, numbers=range(1, 9)), note)


def _services(digest: Digest) -> str:
    if not digest.services:
        return ""
    ranked = sorted(digest.services.items(), key=lambda item: (item[0][1] == OTHERS, -item[1].rows))
    rows = [(panel, service, *_figures(digest, panel, tally)) for (panel, service), tally in ranked[:_MOST_SERVICES]]
    note = _cut(len(ranked), len(rows), "services")
    if any(service == OTHERS for _, service in digest.services):
        note += "<p>Services met after the first thousand are counted together.</p>"
    return _section("Services", _table(("Panel", "Service", *_OUTCOMES), rows, numbers=range(2, 10)), note)


def _figures(digest: Digest, panel: str, tally: Tally, astray: int = 0) -> tuple[str, ...]:
    states = tally.states
    return (
        digits(tally.rows + astray),
        digits(states[RowState.DONE]),
        digits(states[RowState.REFUSED]),
        digits(states[RowState.DOUBT]),
        digits(tally.left),
        digits(states[RowState.INVALID] + astray),
        amounts(digest.named(panel, tally.spent), tally.spent.unknown),
        amounts(digest.named(panel, tally.returned), tally.returned.unknown),
    )


def _reasons(digest: Digest) -> str:
    if not digest.reasons:
        return ""
    ranked = sorted(digest.reasons.items(), key=lambda item: (item[0][1] == OTHERS, -item[1].count))
    rows = [
        (digits(reason.count), error, text, ", ".join(reason.places))
        for (error, text), reason in ranked[:_MOST_REASONS]
    ]
    table = _table(("Rows", "Error", "Reason", "First lines"), rows, numbers=range(1), cards=True)
    return _section("Refusals", table, _cut(len(ranked), len(rows), "reasons"))


def _gave_back(digest: Digest) -> str:
    if not (total := digest.gave_back.total):
        return ""
    heads = ("Ref", "Line", "Panel", "Order", "State", "Link", "Cost in the end", "Came back")
    table = _table(heads, digest.gave_back.kept, numbers=range(6, 8), cards=True)
    title = f"Partial, canceled and refunded: {count_of(total, 'order')}"
    return _section(title, table, _cut(total, len(digest.gave_back.kept)))


def _invalid(digest: Digest) -> str:
    if not (total := digest.invalid.total):
        return ""
    table = _table(("Ref", "Line", "Why", "As written"), digest.invalid.kept, cards=True)
    return _section(f"Invalid: {count_of(total, 'row')}", table, _cut(total, len(digest.invalid.kept)))


def _cut(total: int, shown: int, what: str = "rows") -> str:
    return f"<p>The first {digits(shown)} {what} of {digits(total)}.</p>" if total > shown else ""


def _section(title: str, table: str, note: str = "") -> str:
    return f"<section><h2>{escape(title)}</h2>{note}{table}</section>"


def _table(
    heads: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: range = range(0), cards: bool = False
) -> str:
    marks = [
        ' class="number"' if index in numbers else ' class="long"' if name in _LONG else ""
        for index, name in enumerate(heads)
    ]
    head = "".join(f'<th scope="col"{mark}>{escape(name)}</th>' for name, mark in zip(heads, marks, strict=True))
    body: list[str] = []
    for row in rows:
        cells = zip(heads, marks, row, strict=True)
        told = "".join(f'<td data-head="{escape(name)}"{mark}>{escape(cell)}</td>' for name, mark, cell in cells)
        body.append(f"<tr>{told}</tr>")
    css = "wide" if cards else "figures"
    inner = f"<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody>"
    return f'<div class="scroll"><table class="{css}">{inner}</table></div>'
