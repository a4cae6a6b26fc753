"""``smm compare``: what several panels ask for the same thing."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

from attrs import evolve
from cyclopts import Parameter

from smmclient.cli.options import Flag, Hidden, Whole
from smmclient.cli.outcome import CallError, advice, exit_code, worst
from smmclient.cli.output import Out
from smmclient.cli.plain import money, problem
from smmclient.cli.profiles import profile_names, profiles_path
from smmclient.cli.selling import short_name, yes_no
from smmclient.cli.session import Session
from smmclient.errors import SMMError
from smmclient.exact import EXACT
from smmclient.registry import env_name, providers

if TYPE_CHECKING:
    from smmclient.many.comparing import Comparison, Offer, Ranking
    from smmclient.provider import Provider

__all__ = ["compare"]

_PANEL = (
    "A panel's name, or a profile's; give it once for each. Without it: every profile, and every panel whose key is in "
    "the environment."
)
_RATE = "What one unit of a currency is worth in --base: VND=0.000039; once for each currency."
_HEADINGS = ("panel", "id", "name", "price", "cost", "min", "max", "refill", "dripfeed", "cancel")
_UNITS = {"1000": "1,000", "package": "package", "subscription": "subscription"}


def _wish(what: str) -> Parameter:
    return Parameter(help=f"Only services of which the panel says that they {what}.", negative="", show_default=False)


async def compare(
    *words: Annotated[str, Parameter(help="Words that name, category and type must hold.")],
    panel: Annotated[list[str] | None, Parameter(name="--panel", help=_PANEL, negative="")] = None,
    quantity: Annotated[Whole | None, Parameter(help="Only services that take so many, and what they cost.")] = None,
    refill: Annotated[bool, _wish("can be refilled")] = False,
    dripfeed: Annotated[bool, _wish("can be ordered in runs")] = False,
    cancel: Annotated[bool, _wish("can be canceled")] = False,
    kind: Annotated[str | None, Parameter(name="--type", help="Only services of that type, such as Default.")] = None,
    base: Annotated[str | None, Parameter(help="The currency to compare prices in, at the rates of --rate.")] = None,
    rate: Annotated[list[str] | None, Parameter(name="--rate", help=_RATE, negative="")] = None,
    json: Flag = False,
    session: Hidden,
) -> int:
    """Show what panels ask for services that hold all the words, the lowest price first.

    Only prices of one currency are compared with each other, unless --base and
    --rate say what the others are worth; and packages only with packages.
    """
    from smmclient.many.panels import Panels

    if not words:
        raise CallError("no word is given", hint="nothing was sent; say what to look for: smm compare instagram likes")
    rates = parse_rates(base, rate or ())
    named = tuple(dict.fromkeys(panel or ()))
    names = named or _all_with_a_key(session)
    connected, missing = _connect(session, names, is_each_needed=bool(named))
    async with Panels(connected) as panels:
        found = await panels.compare(
            " ".join(words),
            quantity=quantity,
            refill=refill or None,
            dripfeed=dripfeed or None,
            cancel=cancel or None,
            type=kind,
            base=base,
            rates=rates,
        )
    found = evolve(found, failures={**missing, **found.failures})
    if session.out.json:
        _write_json(session.out, names, found)
    else:
        _show(session.out, found, base)
        _note_what_is_missing(session.out, found)
    return worst((*found.failures.values(), *found.currency_failures.values()))


def parse_rates(base: str | None, given: Sequence[str]) -> dict[str, Decimal] | None:
    """What one unit of each currency is worth in the base, of ``CURRENCY=AMOUNT`` texts; None where there is no base.

    >>> parse_rates("USD", ["VND=0.000039"])
    {'VND': Decimal('0.000039')}
    """
    rates: dict[str, Decimal] = {}
    for text in given:
        currency, equals, amount = text.partition("=")
        whole, point, fraction = amount.partition(".")
        if not (equals and amount.isascii() and whole.isdigit() and (fraction.isdigit() or not point)):
            raise CallError(f"--rate {text[:40]!r}: it must be CURRENCY=AMOUNT", hint="such as --rate VND=0.000039")
        if currency.upper() in rates:
            raise CallError(f"--rate: {currency[:40]} is given twice", hint="leave one of the two out")
        rates[currency.upper()] = Decimal(amount)
    if (base is None) != (not given):
        raise CallError(
            "--base and --rate go together", hint="nothing was sent; such as --base USD --rate VND=0.000039"
        )
    return rates or None


def _all_with_a_key(session: Session) -> tuple[str, ...]:
    session.learn_panels()
    # "v2" has no address of its own: it is a profile that says whose it is.
    keyed = [name for name in providers() if name != "v2" and session.environ.get(env_name(name))]
    names = tuple(dict.fromkeys((*keyed, *profile_names(session.environ))))
    if not names:
        raise CallError(
            "there is no panel to ask",
            hint="put keys into the environment (NOTPANEL_API_KEY …), or profiles into "
            f"{profiles_path(session.environ)}",
        )
    return names


def _connect(
    session: Session, names: Sequence[str], *, is_each_needed: bool
) -> tuple[dict[str, Provider], dict[str, SMMError]]:
    """The panels of these names, and why the others could not be connected to."""
    from smmclient.settings import Settings

    connected: dict[str, Provider] = {}
    missing: dict[str, SMMError] = {}
    for name in names:
        try:
            connected[name] = session.connect_account(session.account(name), Settings())
        except SMMError as error:
            if is_each_needed:
                raise
            missing[name] = error
    if not connected:
        raise next(iter(missing.values()))
    return connected, missing


def _cells(offer: Offer) -> list[object]:
    one = offer.service
    flags = map(yes_no, (one.refill, one.dripfeed, one.cancel))
    return [offer.panel, one.id, one.name, money(offer.price), money(offer.cost), one.min, one.max, *flags]


def _shown(offer: Offer, quantity: int | None) -> list[object]:
    """The cells for a terminal: short, and where there is a base, in its currency."""
    cells = _cells(offer)
    cells[2] = short_name(offer.service.name)
    if offer.in_base is not None:
        cells[3] = money(offer.in_base)
        if offer.cost is not None and quantity is not None:
            # What has a cost is priced for 1,000.
            cells[4] = money(EXACT.divide(EXACT.multiply(offer.in_base, Decimal(quantity)), Decimal(1000)))
    return cells


def _show(out: Out, found: Comparison, base: str | None) -> None:
    if not found.rankings:
        out.note("smm: no service of the panels that answered is like that")
    if not out.is_terminal:
        # One table for programs, each line with its unit: whoever sorts it anew still has it.
        in_base = () if base is None else (f"in {base.upper()}",)
        rows: list[Sequence[object]] = [
            (
                *_cells(offer),
                offer.currency,
                ranking.basis.value,
                offer.service.type,
                offer.service.category,
                *(money(offer.in_base) for _ in in_base),
            )
            for ranking in found.rankings
            for offer in ranking.offers
        ]
        out.table((*_HEADINGS, "currency", "per", "type", "category", *in_base), rows)
        return
    # A table for each unit, so that no column holds two currencies.
    left_out = {"cost"} if found.quantity is None else set()
    for ranking in found.rankings:
        out.line(_title(ranking))
        shown = [_shown(offer, found.quantity) for offer in ranking.offers]
        out.table(_HEADINGS, shown, only_piped=left_out)
        out.line("")


def _title(ranking: Ranking) -> str:
    currency = ranking.currency or f"{ranking.panel}'s currency, which is not known,"
    return f"{currency} per {_UNITS[ranking.basis.value]}"


def _note_what_is_missing(out: Out, found: Comparison) -> None:
    for panel, error in found.failures.items():
        kind = "" if isinstance(error, CallError) else f"{type(error).__name__}: "
        out.note(f"smm: {panel} is missing from this: {kind}{error}")
        out.note(f"  -> {advice(error)}")
    for panel, error in found.currency_failures.items():
        out.note(f"smm: {panel} did not tell its currency, so it stands by itself: {type(error).__name__}: {error}")
    for panel, problems in found.problems.items():
        out.note(f"smm: {len(problems)} rows of {panel}'s catalog could not be read or ordered; --json lists them")
    for panel, count in found.unsaid.items():
        out.note(f"smm: {count} services of {panel} are left out: its catalog does not say whether they can do that")


def _write_json(out: Out, names: tuple[str, ...], found: Comparison) -> None:
    def told(errors: dict[str, SMMError]) -> dict[str, object]:
        return {panel: problem(error, exit_code=exit_code(error)) for panel, error in errors.items()}

    out.write_json(
        {
            "panels": names,
            "is_complete": found.is_complete,
            "rankings": found.rankings,
            "failures": told(dict(found.failures)),
            "currency_failures": told(dict(found.currency_failures)),
            "problems": found.problems,
            "unsaid": found.unsaid,
        }
    )
