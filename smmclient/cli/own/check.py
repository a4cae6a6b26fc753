"""What a panel speaks, found out by asking for its balance, its catalog and statuses. Nothing is ordered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal

from attrs import fields, frozen

from smmclient.catalog import Catalog
from smmclient.cli.outcome import OK, exit_code
from smmclient.cli.output import Out
from smmclient.cli.plain import problem
from smmclient.dialect import Capabilities, Support
from smmclient.errors import (
    AccountSuspended,
    AuthenticationFailed,
    Malformed,
    Refused,
    SMMError,
    Unavailable,
    UnknownOrder,
    UsageError,
)
from smmclient.forms import kind_of_type
from smmclient.model import Balance, OrderStatus
from smmclient.provider import Provider

__all__ = ["check_panel"]

#: Ids that hardly any panel has given to this account: how they are refused says that statuses can be asked for.
_SOME_ORDERS = ("1", "2")
_PACKAGES = ("package", "commentspackage")


@frozen(kw_only=True)
class _Answers:
    """What came back: a value, or the error."""

    balance: Balance | SMMError
    catalog: Catalog | SMMError | None = None
    status: OrderStatus | SMMError | None = None
    #: Of two orders in one call; an error where the call failed as a whole.
    statuses: Mapping[str, OrderStatus | SMMError] | SMMError | None = None
    #: Whether they had to be asked for again, one by one.
    is_one_by_one: bool = False


async def check_panel(out: Out, panel: Provider, *, order: str | None) -> int:
    """Ask, and tell what the answers show; returns the exit code."""
    answers = await _ask(panel, order)
    lines = {"balance": _of_balance(answers.balance)}
    if answers.catalog is not None:
        lines |= _of_catalog(answers.catalog)
    if answers.status is not None:
        lines["status"] = _of_status(answers.status, is_ours=order is not None)
    if answers.statuses is not None:
        lines["status of two"] = _of_two(answers, is_ours=order is not None)
    features = _features(panel.capabilities, answers)
    if out.json:
        out.write_json(_plain(panel, answers, features))
    else:
        out.table((panel.name, panel.base_url or ""), list(lines.items()))
        if answers.catalog is None:
            # It was not asked for anything but the balance: there is nothing to tell of it.
            pass
        elif out.is_terminal:
            out.table(("feature", "support"), list(features.items()))
        else:
            out.table(("panel", *features), [(panel.name, *features.values())])
    errors = [one for one in (answers.balance, answers.catalog) if isinstance(one, SMMError)]
    if isinstance(answers.status, SMMError) and (order is not None or not isinstance(answers.status, Refused)):
        errors.append(answers.status)
    for error in errors:
        out.note(f"smm: {error}")
    return max((exit_code(error) for error in errors), default=OK)


async def _ask(panel: Provider, order: str | None) -> _Answers:
    try:
        balance: Balance | SMMError = await panel.balance(refresh=True)
    except (AuthenticationFailed, AccountSuspended, Unavailable, UsageError) as error:
        # The rest would meet the same; and some panels lock an address out after a few bad keys.
        return _Answers(balance=error)
    except SMMError as error:
        balance = error
    was_one = _is_one(panel)
    return _Answers(
        balance=balance,
        catalog=await _catalog(panel),
        status=await _status(panel, order or _SOME_ORDERS[0]),
        statuses=await _statuses(panel, order),
        is_one_by_one=not was_one and _is_one(panel),
    )


def _is_one(panel: Provider) -> bool:
    return panel.capabilities.status_batch is Support.NO or getattr(panel, "batch_size", None) == 1


async def _catalog(panel: Provider) -> Catalog | SMMError:
    try:
        return await panel.services(refresh=True)
    except SMMError as error:
        return error


async def _status(panel: Provider, order: str) -> OrderStatus | SMMError:
    try:
        # By its value: the provider takes the spaces off an id.
        (status,) = (await panel.order_statuses([order])).values()
        return status
    except SMMError as error:
        return error


async def _statuses(panel: Provider, order: str | None) -> Mapping[str, OrderStatus | SMMError] | SMMError | None:
    if _is_one(panel):
        return None
    two = _SOME_ORDERS if order is None else (order, *(one for one in _SOME_ORDERS if one != order.strip()))[:2]
    try:
        return await panel.order_statuses(two)
    except SMMError as error:
        return error


# ----------------------------------------------------------------------------------------------------- what it shows


def _of_balance(balance: Balance | SMMError) -> str:
    if isinstance(balance, SMMError):
        return f"{type(balance).__name__}: {balance.message}"
    return f"{balance.amount:f} {balance.currency or '(it tells no currency)'}"


def _of_catalog(catalog: Catalog | SMMError) -> dict[str, str]:
    if isinstance(catalog, SMMError):
        return {"services": f"{type(catalog).__name__}: {catalog.message}"}
    lines = {"services": str(len(catalog))}
    if catalog.problems:
        where = Counter(one.field or "row" for one in catalog.problems)
        lines["rows that cannot be ordered"] = f"{len(catalog.problems)} ({_counted(where)})"
    types = Counter(service.type for service in catalog)
    known = Counter({name: count for name, count in types.items() if kind_of_type(name)})
    if known:
        lines["types"] = _counted(known)
    if unknown := Counter({name or "(blank)": count for name, count in types.items() if not kind_of_type(name)}):
        lines["types without a kind"] = f"{_counted(unknown)}: say in each order what it is, or use RawOrder"
    ids = sum(not service.id.isdigit() for service in catalog)
    lines["service ids"] = "numbers" if not ids else f"text ({ids} of {len(catalog)} are no numbers)"
    if rates := [service.rate for service in catalog]:
        lines["prices per 1,000"] = f"{min(rates):f} to {max(rates):f}"
    packages = [service for service in catalog if kind_of_type(service.type) in _PACKAGES]
    if any(service.package_units is None for service in packages):
        lines["packages"] = (
            f"{len(packages)}; what one costs cannot be known: set packages_bill_min or package_rate_per, "
            "if the panel documents which"
        )
    for flag in ("refill", "cancel", "dripfeed"):
        told = Counter({True: "yes", False: "no", None: "not told"}[getattr(one, flag)] for one in catalog)
        lines[flag] = _counted(told)
    return lines


def _of_status(status: OrderStatus | SMMError, *, is_ours: bool) -> str:
    if isinstance(status, OrderStatus):
        charge = "" if status.charge is None else f", charge {status.charge:f} {status.currency or ''}".rstrip()
        return f"{status.state.name} ({status.raw_state!r}){charge}"
    if isinstance(status, Refused) and not is_ours:
        known = "" if isinstance(status, UnknownOrder) else ": words that are not known to mean an unknown order"
        return f"answers; refuses order {_SOME_ORDERS[0]} with {status.text!r}{known}"
    return f"{type(status).__name__}: {status.message}"


def _answers_many(answers: _Answers) -> bool | None:
    """Whether the panel tells the statuses of several orders in one call; None where that is not known."""
    if answers.is_one_by_one:
        return False
    if not isinstance(answers.statuses, Mapping):
        return None
    return None if any(isinstance(one, Malformed) for one in answers.statuses.values()) else True


def _of_two(answers: _Answers, *, is_ours: bool) -> str:
    statuses = answers.statuses
    surer = "" if is_ours else " (surer with --order, and an order of yours)"
    match _answers_many(answers):
        case True:
            return f"answers for each of several in one call{surer}"
        case False:
            return f"answers for several without telling which is which: set features.status_batch=no{surer}"
        case None:
            failed = statuses if isinstance(statuses, SMMError) else None
            why = "the reply leaves one out" if failed is None else f"{type(failed).__name__}: {failed.message}"
            return f"{why}: set features.status_batch=no if one alone is answered{surer}"


def _counted(counts: Mapping[str, int]) -> str:
    ordered = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    shown = ", ".join(f"{name} {count}" for name, count in ordered[:12])
    return shown if len(ordered) <= 12 else f"{shown} and {len(ordered) - 12} more"


def _features(documented: Capabilities, answers: _Answers) -> dict[str, str]:
    """The panel's row of the feature matrix: what its facts say, and "seen" where its catalog shows more."""
    row = {one.name: getattr(documented, one.name).value for one in fields(Capabilities)}
    catalog = answers.catalog
    if not isinstance(catalog, Catalog):
        return row
    kinds = {kind_of_type(service.type) for service in catalog}
    seen = {
        "refill": any(service.refill for service in catalog),
        "cancel": any(service.cancel for service in catalog),
        "dripfeed": any(service.dripfeed for service in catalog),
        "packages": bool(kinds & {*_PACKAGES}),
        "subscriptions": "subscription" in kinds,
        "typed_orders": bool(kinds - {"default", "raw", "subscription", None, *_PACKAGES}),
    }
    return row | {name: "seen" for name, is_seen in seen.items() if is_seen and row[name] == "undocumented"}


def _plain(panel: Provider, answers: _Answers, features: Mapping[str, str]) -> dict[str, object]:
    def told(value: object) -> object:
        return problem(value, exit_code=exit_code(value)) if isinstance(value, SMMError) else value

    plain: dict[str, object] = {
        "panel": panel.name,
        "base_url": panel.base_url,
        "features": dict(features),
        "balance": told(answers.balance),
        "status": told(answers.status),
        "statuses": {one: told(status) for one, status in answers.statuses.items()}
        if isinstance(answers.statuses, Mapping)
        else told(answers.statuses),
        "answers_many": _answers_many(answers),
    }
    catalog = answers.catalog
    if isinstance(catalog, Catalog):
        rates: list[Decimal] = [service.rate for service in catalog]
        plain["services"] = {
            "count": len(catalog),
            "problems": catalog.problems,
            "types": dict(Counter(service.type for service in catalog)),
            "lowest_rate": min(rates, default=None),
            "highest_rate": max(rates, default=None),
        }
    else:
        plain["services"] = told(catalog)
    return plain
