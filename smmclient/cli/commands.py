"""The commands of ``smm`` but for ``order``. Each returns its exit code; what is slow to import is imported inside."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from smmclient.cli.options import Amount, Flag, Hidden, Whole
from smmclient.cli.outcome import OK, CallError
from smmclient.cli.rows import STATUS, follow, show_rows, status_row
from smmclient.cli.session import Access
from smmclient.cli.webhook.choices import Listening
from smmclient.errors import ConfigError

Orders = Annotated[str, Parameter(help="The orders' ids.")]

__all__ = [
    "balance",
    "cancel",
    "demo",
    "providers",
    "refill",
    "refill_status",
    "sandbox",
    "services",
    "status",
    "track",
]


def providers(*, session: Hidden, json: Flag = False) -> int:
    """Show the panels that are known, and what each documents."""
    from smmclient.cli.panels import list_panels

    try:
        session.learn_panels()
    except ConfigError as error:
        # The others can be listed all the same.
        session.out.note(f"smm: {error}")
    return list_panels(session.out)


async def services(
    *words: Annotated[str, Parameter(help="Words to look for in name, category and type.")],
    session: Hidden,
    access: Access | None = None,
) -> int:
    """Show the catalog, or the services that hold all the words, the best match first.

    The price is that of 1,000 units where it does not say "per package". A "rate" is
    what the catalog has for a package whose price the panel does not document.
    """
    from smmclient.cli.selling import show_services

    async with session.connect(access) as panel:
        catalog = await panel.services()
    show_services(session.out, catalog, " ".join(words))
    return OK


async def balance(*, session: Hidden, access: Access | None = None) -> int:
    """Show what is left on the account."""
    from smmclient.cli.plain import money

    async with session.connect(access) as panel:
        left = await panel.balance()
    if session.out.json:
        session.out.write_json(left)
        return OK
    age = f"up to {left.max_age:g} s old" if left.max_age else None
    session.out.record([("balance", money(left.amount)), ("currency", left.currency), ("figure", age)])
    return OK


async def status(*orders: Orders, session: Hidden, access: Access | None = None) -> int:
    """Show where orders stand."""
    async with session.connect(access) as panel:
        found = await panel.order_statuses(_some(orders))
        return show_rows(session.out, STATUS, found, status_row)


async def track(
    *orders: Orders,
    every: Annotated[
        Whole | None, Parameter(help="Seconds between two looks at an order; else 30, or 600 with --listen.")
    ] = None,
    listening: Listening | None = None,
    session: Hidden,
    access: Access | None = None,
) -> int:
    """Show every change of orders until all are final.

    With --listen what the panel pushes is shown at once, and it is asked less often.
    """
    ids, pause = _some(orders), None if every is None else max(1, every)
    if listening is None or listening.where() is None:
        async with session.connect(access) as panel:
            return await follow(session.out, panel, ids, every=pause)
    from smmclient.cli.webhook.beside import opened

    with opened(session.out, listening) as beside:
        if beside is not None:
            account = session.account_of(access)
            beside.lead({account.panel: account}, session.environ)
        async with session.connect(access) as panel:
            return await follow(session.out, panel, ids, every=pause, beside=beside)


async def refill(*orders: Orders, session: Hidden, access: Access | None = None) -> int:
    """Ask for a refill of orders."""
    async with session.connect(access) as panel:
        asked = await panel.refill(_some(orders))
        return show_rows(session.out, ("order", "refill"), asked, lambda one: (one.order, one.refill))


async def refill_status(
    *refills: Annotated[str, Parameter(help="The ids that `smm refill` showed.")],
    session: Hidden,
    access: Access | None = None,
) -> int:
    """Show where refills stand."""
    async with session.connect(access) as panel:
        found = await panel.refill_statuses(_some(refills))
        return show_rows(session.out, ("refill", "state"), found, lambda one: (one.refill, one.state.value))


async def cancel(*orders: Orders, session: Hidden, access: Access | None = None) -> int:
    """Ask to cancel orders: "accepted" means that the panel took the wish, `smm status` tells the rest."""
    async with session.connect(access) as panel:
        asked = await panel.cancel(_some(orders))
        return show_rows(session.out, ("order", "cancel"), asked, lambda one: (one.order, "accepted"))


def _some(ids: Sequence[str]) -> Sequence[str]:
    if not ids:
        raise CallError("no id is given", hint="nothing was sent; name at least one id")
    return ids


def sandbox(
    *,
    panel: Annotated[str, Parameter(help="Which panel it stands for: notpanel, panelbon or v2.")] = "notpanel",
    flavour: Annotated[
        str | None,
        Parameter(
            help="Whose shapes v2 has: perfectpanel (if not given), cmsnt, smartpanel, rest, keyed, laravel or php."
        ),
    ] = None,
    port: Annotated[Whole, Parameter(help="The port to listen on; 0 takes a free one.")] = 8080,
    host: Annotated[str, Parameter(help="The address to listen on; only this machine can reach it.")] = "127.0.0.1",
    balance: Annotated[
        Amount | None, Parameter(help="What is in the account at the start; else 100 USD, or the like in its currency.")
    ] = None,
    faults: Annotated[
        Amount, Parameter(help="The part of all requests, 0 to 1, to drop or answer with 5xx or HTML, done or not.")
    ] = Decimal(0),
    webhook_faults: Annotated[
        Amount,
        Parameter(
            help="The part of all webhook deliveries, 0 to 1, to lose, repeat, reorder, delay, forge, replay or cut."
        ),
    ] = Decimal(0),
    json: Flag = False,
    session: Hidden,
) -> int:
    """Run a panel in a box on this machine until Ctrl-C, to try things on without money.

    A notpanel takes webhooks on this machine, over http too (action webhook.add), and
    posts to them; it never calls another machine. At Ctrl-C a line on stderr tells
    what came and what was pushed.
    """
    from smmclient.cli.boxes import run_sandbox

    return run_sandbox(
        session.out,
        panel,
        flavour=flavour,
        host=host,
        port=port,
        balance=balance,
        faults=float(faults),
        webhook_faults=float(webhook_faults),
    )


async def demo(
    file: Annotated[
        Path | None, Parameter(help="A CSV file: [panel,]service,link,quantity[,runs,interval]; else one of our own.")
    ] = None,
    *,
    panel: Annotated[str | None, Parameter(help="For rows without a panel; else they take turns.")] = None,
    json: Flag = False,
    session: Hidden,
) -> int:
    """Place a file of orders on two panels in boxes, with faults, and add up what came of them.

    It needs no key, no network and no money.
    """
    from smmclient.cli.demo_display import show_demo

    return await show_demo(session.out, file, panel=panel)
