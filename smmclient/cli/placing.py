"""``smm order``: one order, placed once, or shown without being sent."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from cyclopts import Parameter

from smmclient.cli.options import Amount, Flag, Hidden, Whole
from smmclient.cli.outcome import OK
from smmclient.cli.output import Out
from smmclient.cli.plain import money
from smmclient.cli.session import Access, Session
from smmclient.errors import InvalidOrder
from smmclient.model import Receipt
from smmclient.orders import AnyOrder
from smmclient.provider import Provider

__all__ = ["order"]

_TYPE = "The kind of order: comments, package, poll, subscription … or the panel's own type name."
_FIELD = "A field as name=value; the same name again adds a line. Without --type it is sent as it is."
_REQUEST_ID = "Idempotency key, to settle an order whose outcome is unknown; one is made where none is given."
_MAX_CHARGE = "Read the catalog first; send nothing if the order costs more by it, or if that cannot be known."
_DRY_RUN = "Show what would be sent and what it costs; only the catalog is asked for."


async def order(
    *,
    service: Annotated[str, Parameter(help="The service's id in the catalog.")],
    link: Annotated[str | None, Parameter(help="What the order is for.")] = None,
    quantity: Annotated[Whole | None, Parameter(help="How many units, in each run.")] = None,
    runs: Annotated[Whole | None, Parameter(help="Drip-feed: how many runs.")] = None,
    interval: Annotated[Whole | None, Parameter(help="Drip-feed: minutes between runs.")] = None,
    coupon: Annotated[str | None, Parameter(help="A coupon code, on panels that have them.")] = None,
    kind: Annotated[str | None, Parameter(name="--type", help=_TYPE)] = None,
    field: Annotated[list[str] | None, Parameter(name="--field", negative="", help=_FIELD)] = None,
    request_id: Annotated[str | None, Parameter(help=_REQUEST_ID)] = None,
    max_charge: Annotated[Amount | None, Parameter(help=_MAX_CHARGE)] = None,
    dry_run: Annotated[Flag, Parameter(help=_DRY_RUN)] = False,
    session: Hidden,
    access: Access | None = None,
) -> int:
    """Place one order, once.

    It goes out in one request, and the panel checks it. With --dry-run or
    --max-charge the catalog is read first, and the order is refused before it is
    sent if the catalog does not sell the service, or not in that quantity.
    """
    from smmclient.cli.ordering import check_order, parse_fields
    from smmclient.forms import build_order

    options = {
        "service": service,
        "link": link,
        "quantity": quantity,
        "runs": runs,
        "interval": interval,
        "coupon": coupon,
    }
    given = {name: str(value) for name, value in options.items() if value is not None}
    extra = parse_fields(field or ())
    if twice := given.keys() & extra.keys():
        raise InvalidOrder(f"{', '.join(sorted(twice))}: given as an option and as a --field")
    wanted = build_order(kind, given | extra)
    async with session.connect(access) as panel:
        if dry_run:
            return await _dry_run(session, panel, wanted, max_charge)
        if max_charge is not None:
            check_order(wanted, await panel.services(), max_charge)
        receipt = await panel.add_order(wanted, request_id=request_id, resume=request_id is not None)
        # Shown before the connection is closed: whatever goes wrong from here on, the order's id is not lost.
        _show_receipt(session.out, receipt)
    return OK


def _show_receipt(out: Out, receipt: Receipt) -> None:
    if out.json:
        out.write_json(receipt)
        return
    out.record(
        [
            ("order", receipt.order),
            ("charge", money(receipt.charge)),
            ("original_price", money(receipt.original_price)),
            ("discount", money(receipt.discount)),
            ("request_id", receipt.request_id),
        ]
    )


async def _dry_run(session: Session, panel: Provider, wanted: AnyOrder, most: Decimal | None) -> int:
    from smmclient.cli.ordering import check_order

    charge = check_order(wanted, await panel.services(), most)
    sent = wanted.parameters()
    if session.out.json:
        session.out.write_json({"dry_run": True, "panel": panel.name, "sent": sent, "cost": charge})
        return OK
    session.out.record(
        [("panel", panel.name), *sent.items(), ("cost", money(charge) or "not known before it is placed")]
    )
    session.out.note("smm: dry run, nothing was ordered")
    return OK
