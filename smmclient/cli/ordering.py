"""What the options of ``smm order`` add to `smmclient.forms`: fields as name=value, and the charge's bound. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from smmclient.catalog import Catalog, Service
from smmclient.cli.outcome import CallError
from smmclient.errors import InvalidOrder
from smmclient.forms import check_bounds
from smmclient.orders import AnyOrder

__all__ = ["check_charge", "check_order", "parse_fields", "service_of"]


def parse_fields(given: Sequence[str]) -> dict[str, str]:
    """The fields of ``name=value`` texts; a name that is given again adds a line."""
    parsed: dict[str, str] = {}
    for text in given:
        name, found, value = text.partition("=")
        if not found or not name:
            raise InvalidOrder(f"--field takes name=value, not {text[:40]!r}")
        parsed[name] = f"{parsed[name]}\n{value}" if name in parsed else value
    return parsed


def service_of(order: AnyOrder, catalog: Catalog) -> Service:
    """The order's service; one that the catalog has not, or that cannot be ordered, is an `InvalidOrder`."""
    service = catalog.get(order.service)
    if service is None and (problem := catalog.problem(order.service)) is not None:
        raise InvalidOrder(
            f"service {order.service} cannot be ordered: row {problem.row} of the catalog, "
            f"{problem.field or 'all of it'}: {problem.reason}",
            field="service",
        )
    if service is None:
        raise InvalidOrder(f"the catalog has no service {order.service}", field="service")
    return service


def check_order(order: AnyOrder, catalog: Catalog, most: Decimal | None) -> Decimal | None:
    """What the order costs by the catalog, None where nobody can know; raises a `UsageError` where it cannot go.

    The catalog must sell the service, its bounds admit the quantity, and the cost be ``most`` at most, if that is set.
    """
    service = service_of(order, catalog)
    check_bounds(order, service)
    charge = service.cost(order)
    if most is not None:
        check_charge(charge, most)
    return charge


def check_charge(charge: Decimal | None, most: Decimal) -> None:
    """Raise a `UsageError` where the order costs more than ``most``, or where nobody can know."""
    if charge is None:
        raise CallError(
            "--max-charge: what this order costs cannot be known from the catalog",
            hint="nothing was sent; leave --max-charge out to order at the panel's price",
        )
    if charge > most:
        raise CallError(
            f"--max-charge: the order costs {charge:f} by the catalog, more than {most:f}", hint="nothing was sent"
        )
