"""``smm compare``: what several panels ask for the same thing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from smmclient.cli.options import Flag, Hidden, Whole
from smmclient.cli.outcome import CallError, advice, exit_code, worst
from smmclient.cli.output import Out
from smmclient.cli.plain import money, problem
from smmclient.cli.profiles import profile_names, profiles_path
from smmclient.cli.session import Access, Session
from smmclient.errors import SMMError
from smmclient.registry import env_name, providers

if TYPE_CHECKING:
    from smmclient.cli.bulk.panels import Panels as Connected
    from smmclient.many.comparing import Comparison, Offer, Ranking
    from smmclient.provider import Provider

__all__ = ["compare"]

_PANEL = (
    "A panel's name, or a profile's; give it once for each. Without it: every profile, and every panel whose key is in "
    "the environment."
)
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
    json: Flag = False,
    session: Hidden,
) -> int:
    """Show what panels ask for services that hold all the words, the lowest price first.

    Only prices of one currency are compared with each other, and packages only with packages.
    """
    from smmclient.cli.bulk.panels import Panels as Connected
    from smmclient.many.panels import Panels
    from smmclient.settings import Settings

    if not words:
        raise CallError("no word is given", hint="nothing was sent; say what to look for: smm compare instagram likes")
    names = tuple(dict.fromkeys(panel or ())) or _all_with_a_key(session)
    async with Connected(session, Access(), Settings()) as connected:
        panels = Panels({name: _connect(connected, name) for name in names})
        found = await panels.compare(
            " ".join(words),
            quantity=quantity,
            refill=refill or None,
            dripfeed=dripfeed or None,
            cancel=cancel or None,
            type=kind,
        )
    if session.out.json:
        _write_json(session.out, names, found)
    else:
        _show(session.out, found)
        _note_what_is_missing(session.out, found)
    return worst((*found.failures.values(), *found.currency_failures.values()))


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


def _connect(connected: Connected, name: str) -> Provider:
    try:
        return connected[name]
    except KeyError:
        raise CallError(
            f"{name!r} is neither a provider nor a profile",
            hint=f"nothing was sent; `smm providers` lists the names: {', '.join(providers())}",
        ) from None


def _cells(offer: Offer) -> list[object]:
    one = offer.service
    flags = ("" if flag is None else "yes" if flag else "no" for flag in (one.refill, one.dripfeed, one.cancel))
    return [offer.panel, one.id, one.name, money(offer.price), money(offer.cost), one.min, one.max, *flags]


def _show(out: Out, found: Comparison) -> None:
    if not found.rankings:
        out.note("smm: no service of the panels that answered is like that")
    if not out.is_terminal:
        # One table for programs, each line with its unit: whoever sorts it anew still has it.
        rows = [
            (*_cells(offer), offer.currency, ranking.basis.value, offer.service.type, offer.service.category)
            for ranking in found.rankings
            for offer in ranking.offers
        ]
        out.table((*_HEADINGS, "currency", "per", "type", "category"), rows)
        return
    # A table for each unit, so that no column holds two currencies.
    left_out = {"cost"} if found.quantity is None else set()
    for ranking in found.rankings:
        out.line(_title(ranking))
        out.table(_HEADINGS, [_cells(offer) for offer in ranking.offers], only_piped=left_out)
        out.line("")


def _title(ranking: Ranking) -> str:
    currency = ranking.currency or f"{ranking.panel}'s currency, which is not known,"
    return f"{currency} per {_UNITS[ranking.basis.value]}"


def _note_what_is_missing(out: Out, found: Comparison) -> None:
    for panel, error in found.failures.items():
        out.note(f"smm: {panel} is missing from this: {type(error).__name__}: {error}")
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
