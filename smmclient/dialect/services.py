"""From a reply to ``action=services`` to the catalog. A row that cannot be read, or not be ordered, is a `Problem`."""

from __future__ import annotations

from decimal import Decimal

from attrs import evolve, frozen

from smmclient.catalog import Problem, Service
from smmclient.dialect.codec import unwrap
from smmclient.dialect.read import Unreadable, read_count, read_flag, read_id, read_money, read_text
from smmclient.dialect.structure import BadField, needed, structure
from smmclient.exact import EXACT
from smmclient.forms import kind_of_type

__all__ = ["Pricing", "read_services"]

#: Names under which panels put a service's id.
_IDS = ("service", "serviceId", "id", "ID")
#: Where some panels wrap the rows.
_WRAPPERS = ("services", "data", "value")
#: Kinds that are sold as a whole: their quantity, and so their bounds, say nothing.
_WHOLE = frozenset({"package", "commentspackage", "subscription"})
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


def read_services(payload: object, pricing: Pricing) -> tuple[tuple[Service, ...], tuple[Problem, ...]]:
    """The services and the rows that could not be read."""
    rows = unwrap(payload, *_WRAPPERS)
    if rows == {"status": "success", "data": "Empty Data"}:
        # Seen in the source of a SmartPanel server.
        return (), ()
    if not isinstance(rows, list):
        raise Unreadable("the catalog is not a list")
    services: list[Service] = []
    problems: list[Problem] = []
    numbers: dict[str, int] = {}
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            problems.append(Problem(number, None, "the row is not an object", raw=row))
            continue
        given = next((row[name] for name in _IDS if row.get(name) is not None), None)
        try:
            service_id = read_id(given)
        except Unreadable as bad:
            problems.append(Problem(number, "service", str(bad), raw=row))
            continue
        if (first := numbers.setdefault(service_id, number)) != number:
            reason = f"row {first} has the same id"
            problems.append(Problem(number, "service", reason, raw=row, service=service_id))
            continue
        try:
            services.append(_service(service_id, row, pricing))
        except BadField as bad:
            problems.append(Problem(number, bad.name, bad.reason, raw=row, service=service_id))
    return tuple(services), tuple(problems)


def _service(service_id: str, row: dict[str, object], pricing: Pricing) -> Service:
    fields = {"name": None, "type": None, "category": None, **row, "id": service_id, "raw": row, "package_units": None}
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
            None,
            row,
        )
    except Unreadable:
        # Once more, the slow way: it names the field.
        service = structure(fields, Service)
    kind = kind_of_type(service.type)
    is_whole = kind in _WHOLE
    if not 0 <= service.rate < _NO_PRICE:
        raise BadField("rate", f"{service.rate} is no price: the service is not for sale")
    if service.min > service.max and not is_whole:
        raise BadField("max", f"{service.max} is below min {service.min}: no quantity can be ordered")
    if pricing.packages_bill_min and service.min > 0:
        service = evolve(service, package_units=service.min)
    units = pricing.package_units if is_whole else pricing.units
    if units == 1000 or is_per_thousand:
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
