"""One row against its panel's catalog: from cells to an order that can be sent, or what is wrong with them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from smmclient.bulk.journal import NewRow
from smmclient.bulk.source import BadRow, Row
from smmclient.catalog import Catalog, Service
from smmclient.errors import InvalidOrder, Unsupported
from smmclient.forms import build_order, check_bounds, kind_of_type
from smmclient.orders import AnyOrder, Order, PackageOrder, WebTrafficOrder
from smmclient.provider import Provider

__all__ = ["bad_row", "check_row"]


def bad_row(row: BadRow, panel: str) -> NewRow:
    """A row that could not be read."""
    where = f"column {row.column}: " if row.column else ""
    return NewRow(
        number=row.number,
        line=row.line,
        panel=row.panel or panel,
        ref=row.ref,
        order=None,
        written=row.cells,
        error="InvalidOrder",
        reason=f"{where}{row.reason}",
    )


def check_row(
    row: Row, panel: str, provider: Provider | None, catalog: Catalog | None, columns: Mapping[str, str]
) -> NewRow:
    """The row with its order and cost, or with the reason why it cannot be ordered; ``columns`` names columns."""
    order: AnyOrder | None = None
    cost = error = reason = None
    try:
        service = _service(row, panel, catalog)
        order = _order(row, service)
        if provider is not None:
            provider.check_order(order)
        _check_against(order, service)
        cost = service.cost(order)
    except (InvalidOrder, Unsupported) as problem:
        order = None
        error = type(problem).__name__
        field = getattr(problem, "field", None)
        reason = f"column {columns.get(field, field)}: {problem.message}" if field else problem.message
    return NewRow(
        number=row.number,
        line=row.line,
        panel=panel,
        ref=row.ref,
        order=order,
        written={**row.cells, **({"type": row.kind} if row.kind else {})},
        cost=cost,
        error=error,
        reason=reason,
    )


def _service(row: Row, panel: str, catalog: Catalog | None) -> Service:
    if catalog is None:
        raise InvalidOrder(
            f"there is no panel {panel!r} in this run" if panel else "no panel is named for the row", field="panel"
        )
    wanted = row.cells.get("service")
    if wanted is None:
        raise InvalidOrder("service is empty", field="service")
    service = catalog.get(wanted)
    if service is None and (problem := catalog.problem(wanted)) is not None:
        raise InvalidOrder(
            f"service {wanted[:40]} of {panel} cannot be ordered: row {problem.row} of its catalog, "
            f"{problem.field or 'all of it'}: {problem.reason}",
            field="service",
        )
    if service is None:
        raise InvalidOrder(f"the catalog of {panel} has no service {wanted[:40]!r}", field="service")
    return service


def _order(row: Row, service: Service) -> AnyOrder:
    """The order, of the kind that the row names or else of the service's own type."""
    kind = kind_of_type(row.kind) if row.kind else kind_of_type(service.type)
    if row.kind and kind is None:
        raise InvalidOrder(f"type {row.kind[:40]!r} is not known", field="type")
    cells = dict(row.cells)
    quantity = cells.pop("quantity", None)
    try:
        order = build_order(kind, cells if quantity is None else {**cells, "quantity": quantity})
    except InvalidOrder as error:
        if quantity is None or error.field != "quantity":
            raise
        # A kind that is counted by its lines, or not at all: a quantity beside it must say the same.
        order = build_order(kind, cells)
        units = 1 if isinstance(order, PackageOrder) else order.units
        if units is None or quantity != str(units):
            raise InvalidOrder(
                f"{order.type} orders take no quantity"
                + (f", and the {order.counted_by} are {units}, not {quantity[:20]}" if order.counted_by else "")
                + ": leave it empty",
                field="quantity",
            ) from error
    return order


def _check_against(order: AnyOrder, service: Service) -> None:
    check_bounds(order, service)
    if isinstance(order, (Order, WebTrafficOrder)) and order.runs is not None and service.dripfeed is False:
        raise InvalidOrder(f"service {service.id} has no drip-feed: leave runs and interval empty", field="runs")
    if (link := getattr(order, "link", None)) is not None:
        _check_link(link)


def _check_link(link: str) -> None:
    """Raise for a link that cannot be one. A name without a scheme is left to the panel: some take names."""
    if any(char.isspace() for char in link):
        raise InvalidOrder("link has a space in it", field="link")
    scheme, found, _ = link.partition("://")
    if not found:
        if scheme.casefold().startswith(("http:", "https:", "javascript:", "data:", "file:")):
            raise InvalidOrder(f"link is not a web address: {link[:80]!r}", field="link")
        return
    if scheme.casefold() not in ("http", "https"):
        raise InvalidOrder(f"link must begin with http:// or https://, not {scheme[:20]}://", field="link")
    try:
        host = urlsplit(link).hostname or ""
    except ValueError:
        host = ""
    if not (host == "localhost" or ":" in host or "." in host.strip(".")):
        raise InvalidOrder(f"link names no host: {link[:80]!r}", field="link")
