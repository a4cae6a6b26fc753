"""A catalog for people: plain names, prices of what is sold by the package, and the rows that cannot be ordered."""

from __future__ import annotations

import html
from collections.abc import Sequence
from decimal import Decimal

from smmclient.catalog import Catalog, Problem, Service
from smmclient.cli.output import Out
from smmclient.cli.plain import money
from smmclient.exact import EXACT
from smmclient.search import rank

__all__ = ["short_name", "show_services", "yes_no"]

_LONGEST_NAME = 80
_MOST_PROBLEMS = 10
_FLAGS = ("refill", "cancel", "dripfeed")


def show_services(out: Out, catalog: Catalog, words: str) -> None:
    """Write the services that hold the words, or all; and, beside them, the rows that cannot be ordered."""
    found = catalog.search(words) if words else list(catalog)
    if out.json:
        out.write_json({"services": found, "problems": catalog.problems, "fetched_at": catalog.fetched_at})
        return
    if not found:
        out.note("smm: nothing found" if words else "smm: the catalog has no service that can be ordered")
    if out.is_terminal:
        if found:
            told = [flag for flag in _FLAGS if any(getattr(one, flag) is not None for one in found)]
            rows = [
                (one.id, short_name(one.name), _price_text(one), one.min, one.max, _can(one, told)) for one in found
            ]
            out.table(("id", "name", "price", "min", "max", "can"), rows)
    else:
        _pipe(out, found)
    _note_problems(out, catalog.problems, words)


def _pipe(out: Out, found: Sequence[Service]) -> None:
    headings = ("id", "name", "type", "category", "rate", "min", "max", *_FLAGS, "price", "per")
    rows = [
        (
            one.id,
            _decoded(one.name),
            one.type,
            _decoded(one.category or ""),
            money(one.rate),
            one.min,
            one.max,
            *(yes_no(getattr(one, flag)) for flag in _FLAGS),
            *_price(one),
        )
        for one in found
    ]
    out.table(headings, rows)


def _price(service: Service) -> tuple[str, str]:
    """What is asked for it, and for what: "1000" units, a "package" or a "subscription"; empty if that is unknown."""
    from smmclient.many.comparing import Basis, basis_of

    basis = basis_of(service)
    units = 1000 if basis is Basis.PER_1000 else service.package_units
    if units is None:
        return "", basis.value
    price = service.rate if units == 1000 else EXACT.divide(EXACT.multiply(service.rate, Decimal(units)), Decimal(1000))
    return money(price), basis.value


def _price_text(service: Service) -> str:
    price, per = _price(service)
    if per == "1000":
        return price
    # What the panel means by its rate for a package is not known: it is shown as what it is.
    return f"{price} per {per}" if price else f"rate {money(service.rate)}"


def short_name(name: str) -> str:
    """A service's name for a terminal: entities decoded, and not longer than some catalogs write them.

    >>> short_name("Likes &amp; Views")
    'Likes & Views'
    """
    name = _decoded(name)
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1].rstrip()}…"


def _decoded(text: str) -> str:
    # Of an entity, anything may come: whoever shows it cleans it after this.
    return html.unescape(text)


def yes_no(flag: bool | None) -> str:
    """A flag as a word; nothing where the panel does not say."""
    return "" if flag is None else "yes" if flag else "no"


def _can(service: Service, told: Sequence[str]) -> str:
    """What the panel says of these flags: the name of each that is a yes, and with ? where it does not say."""
    said = [(flag, getattr(service, flag)) for flag in told]
    return " ".join(flag if value else f"{flag}?" for flag, value in said if value is not False)


def _note_problems(out: Out, problems: Sequence[Problem], words: str) -> None:
    """Say which rows cannot be ordered, and why: those that hold the words, or all; no row goes without a trace."""
    named = [problems[n] for n in rank(words, [_texts(one) for one in problems])] if words else list(problems)
    if named:
        out.note(f"smm: {_rows(len(named))} of the catalog could not be read or ordered:")
    for one in named[:_MOST_PROBLEMS]:
        service = "" if one.service is None else f", service {one.service}"
        out.note(f"  row {one.row}{service}: {one.field or 'all of it'}: {one.reason}")
    if len(named) > _MOST_PROBLEMS:
        out.note(f"  and {len(named) - _MOST_PROBLEMS} more; --json lists all")
    elif others := len(problems) - len(named):
        out.note(
            f"smm: {_rows(others)} of the catalog without these words could not be read or ordered; --json lists all"
        )


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"


def _texts(one: Problem) -> tuple[str, str]:
    row = one.raw if isinstance(one.raw, dict) else {}
    name, *rest = (str(row.get(field) or "") for field in ("name", "category", "type"))
    return name, " ".join((*rest, one.service or ""))
