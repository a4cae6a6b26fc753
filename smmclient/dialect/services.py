"""From a reply to ``action=services`` to the catalog. A row that cannot be read, or not be ordered, is a `Problem`."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from attrs import evolve, frozen

from smmclient.catalog import Problem, Service
from smmclient.dialect.codec import unwrap
from smmclient.dialect.read import Unreadable, read_count, read_flag, read_id, read_money, read_text
from smmclient.dialect.structure import BadField, needed, structure
from smmclient.exact import EXACT
from smmclient.forms import kind_of_type

__all__ = ["WHOLE", "Pricing", "priced", "read_row", "read_services"]

#: Names under which panels put a service's id.
_IDS = ("service", "serviceId", "id", "ID")
#: Where some panels wrap the rows.
_WRAPPERS = ("services", "data", "value")
#: Kinds that are sold as a whole: their quantity, and so their bounds, say nothing.
WHOLE = frozenset({"package", "commentspackage", "subscription"})
#: Panels put figures such as 9999999999999.00 where a service is not for sale. No price of 1,000 units comes near, in
#: any currency that panels were seen to use (one dong is 0.00004 dollars).
_NO_PRICE = Decimal(1_000_000_000)
_THOUSAND = Decimal(1000)


@frozen(kw_only=True)
class Pricing:
    """How many units a panel's ``rate`` is for, and what it bills for a package, as far as that is known."""

    units: int = 1000
    #: For packages and subscriptions.
    package_units: int = 1000
    packages_bill_min: bool = False


def read_services(payload: object, pricing: Pricing) -> tuple[Sequence[Service], tuple[Problem, ...]]:
    """The services and the rows that could not be read."""
    rows = unwrap(payload, *_WRAPPERS)
    if rows == {"status": "success", "data": "Empty Data"}:
        # Seen in the source of a SmartPanel server.
        return (), ()
    if not isinstance(rows, list):
        raise Unreadable("the catalog is not a list")
    seen: dict[str, int] = {}
    found = [read_row(number, row, seen, pricing) for number, row in enumerate(rows, 1)]
    services = tuple(one for one in found if isinstance(one, Service))
    return services, tuple(one for one in found if isinstance(one, Problem))


def read_row(number: int, row: object, seen: dict[str, int], pricing: Pricing) -> Service | Problem:
    """What the row of that number is; ``seen`` has the ids of earlier rows and their numbers, and gets this one's."""
    if not isinstance(row, dict):
        return Problem(number, None, "the row is not an object", raw=row)
    given = next((row[name] for name in _IDS if row.get(name) is not None), None)
    try:
        service_id = read_id(given)
    except Unreadable as bad:
        return Problem(number, "service", str(bad), raw=row)
    if (first := seen.setdefault(service_id, number)) != number:
        return Problem(number, "service", f"row {first} has the same id", raw=row, service=service_id)
    try:
        return _service(service_id, row, pricing)
    except BadField as bad:
        return Problem(number, bad.name, bad.reason, raw=row, service=service_id)


def _service(service_id: str, row: dict[str, object], pricing: Pricing) -> Service:
    fields = {"name": None, "type": None, "category": None, **row, "id": service_id, "package_units": None}
    is_per_thousand = row.get("rate1K") is not None
    if is_per_thousand:
        # One panel tells the price of a single unit in "rate", and this beside it.
        fields["rate"] = row["rate1K"]
    try:
        service = Service(
            service_id,
            read_text(fields["name"]) or "",
            read_text(fields["type"]) or "",
            read_text(fields["category"]),
            needed(read_money(fields.get("rate"))),
            needed(read_count(fields.get("min"))),
            needed(read_count(fields.get("max"))),
            read_flag(fields.get("refill")),
            read_flag(fields.get("cancel")),
            read_flag(fields.get("dripfeed")),
            read_money(fields.get("original_rate")),
            read_money(fields.get("discount_percent")),
            raw=row,
        )
    except Unreadable:
        # Once more, the slow way: it names the field.
        service = evolve(structure(fields, Service), raw=row)
    if not 0 <= service.rate < _NO_PRICE:
        raise BadField("rate", f"{service.rate} is no price: the service is not for sale")
    if service.min > service.max and kind_of_type(service.type) not in WHOLE:
        raise BadField("max", f"{service.max} is below min {service.min}: no quantity can be ordered")
    return priced(service, pricing, is_per_thousand=is_per_thousand)


def priced(service: Service, pricing: Pricing, *, is_per_thousand: bool = False) -> Service:
    """The service with its rates for 1,000 units, and what a package of it is billed as."""
    if pricing.packages_bill_min and service.min > 0:
        service = evolve(service, package_units=service.min)
    if is_per_thousand or pricing.units == pricing.package_units == 1000:
        return service
    kind = kind_of_type(service.type)
    is_whole = kind in WHOLE
    units = pricing.package_units if is_whole else pricing.units
    if units == 1000:
        return service
    return evolve(
        service,
        rate=_of_thousand(service.rate, units),
        original_rate=None if service.original_rate is None else _of_thousand(service.original_rate, units),
        # A rate for one package is the package's price; for how many posts a subscription is, nobody can know.
        package_units=1 if units == 1 and is_whole and kind != "subscription" else service.package_units,
    )


def _of_thousand(rate: Decimal, units: int) -> Decimal:
    return EXACT.divide(EXACT.multiply(rate, _THOUSAND), Decimal(units))
