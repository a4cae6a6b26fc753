"""What a panel speaks, found out by asking for its balance, its catalog and one status. Nothing is ordered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal

from attrs import fields, frozen

from smmclient.catalog import Catalog
from smmclient.cli.outcome import OK, exit_code
from smmclient.cli.output import Out
from smmclient.cli.plain import problem
from smmclient.dialect import Capabilities
from smmclient.errors import (
    AccountSuspended,
    AuthenticationFailed,
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

#: An id that hardly any panel has given to this account: how it is refused says that statuses can be asked for.
_SOME_ORDER = "1"
_PACKAGES = ("package", "commentspackage")


@frozen(kw_only=True)
class _Answers:
    """What came back: a value, or the error."""

    balance: Balance | SMMError
    catalog: Catalog | SMMError | None = None
    status: OrderStatus | SMMError | None = None


async def check_panel(out: Out, panel: Provider, *, order: str | None) -> int:
    """Ask, and tell what the answers show; returns the exit code."""
    answers = await _ask(panel, order or _SOME_ORDER)
    lines = {"balance": _of_balance(answers.balance)}
    if answers.catalog is not None:
        lines |= _of_catalog(answers.catalog)
    if answers.status is not None:
        lines["status"] = _of_status(answers.status, is_ours=order is not None)
    features = _features(panel.capabilities, answers)
    if out.json:
        out.write_json(_plain(panel, answers, features))
    else:
        out.table((panel.name, panel.base_url or ""), list(lines.items()))
        if out.is_terminal:
            out.table(("feature", "support"), list(features.items()))
        else:
            out.table(("panel", *features), [(panel.name, *features.values())])
    errors = [one for one in (answers.balance, answers.catalog) if isinstance(one, SMMError)]
    if isinstance(answers.status, SMMError) and (order is not None or not isinstance(answers.status, Refused)):
        errors.append(answers.status)
    for error in errors:
        out.note(f"smm: {error}")
    return max((exit_code(error) for error in errors), default=OK)


async def _ask(panel: Provider, order: str) -> _Answers:
    try:
        balance = await panel.balance(refresh=True)
    except (AuthenticationFailed, AccountSuspended, Unavailable, UsageError) as error:
        # The rest would meet the same; and some panels lock an address out after a few bad keys.
        return _Answers(balance=error)
    except SMMError as error:
        return _Answers(balance=error, catalog=await _catalog(panel), status=await _status(panel, order))
    return _Answers(balance=balance, catalog=await _catalog(panel), status=await _status(panel, order))


async def _catalog(panel: Provider) -> Catalog | SMMError:
    try:
        return await panel.services(refresh=True)
    except SMMError as error:
        return error


async def _status(panel: Provider, order: str) -> OrderStatus | SMMError:
    try:
        return (await panel.order_statuses([order]))[order]
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
        return f"answers; refuses order {_SOME_ORDER} with {status.text!r}{known}"
    return f"{type(status).__name__}: {status.message}"


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
