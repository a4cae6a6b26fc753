"""The commands of ``smm webhook``. Each returns its exit code; what is slow to import is imported inside."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from smmclient.cli.options import Hidden, Whole
from smmclient.cli.session import Access
from smmclient.cli.webhook.choices import SchemeFile, Whose

__all__ = ["add", "learn", "list_", "listen", "remove"]

Switch = Parameter(negative="", show_default=False)
Action = Annotated[str, Parameter(help="What the panel calls this action: no panel documents it, the default is ours.")]


async def add(
    url: Annotated[str, Parameter(help="Where the panel is to push to: https, and a host that everybody can reach.")],
    /,
    *,
    events: Annotated[
        str | None,
        Parameter(help="The names of events, such as order.completed,balance.low; else the panel's default."),
    ] = None,
    session: Hidden,
    access: Access | None = None,
) -> int:
    """Have the panel push events to a URL. Shows the secret that they are signed with, once: keep it.

    NotPanel takes five webhooks a key. To change a secret, add another
    webhook, then remove the old one.
    """
    from smmclient.cli.webhook.calls import add_webhook

    return await add_webhook(session, access, url, events)


async def list_(
    *,
    action: Action = "webhook.list",
    session: Hidden,
    access: Access | None = None,
) -> int:
    """Show the webhooks that the panel has for the key. Secrets are not shown."""
    from smmclient.cli.webhook.calls import list_webhooks

    return await list_webhooks(session, access, action)


async def remove(
    webhook: Annotated[str, Parameter(help="The webhook's id, as `smm webhook list` shows it.")],
    /,
    *,
    action: Action = "webhook.remove",
    field: Annotated[
        str, Parameter(help='What the panel calls the parameter with the id; "url" points at a webhook by its URL.')
    ] = "id",
    session: Hidden,
    access: Access | None = None,
) -> int:
    """Remove a webhook; its secret is worth nothing after that."""
    from smmclient.cli.webhook.calls import remove_webhook

    return await remove_webhook(session, access, webhook, action=action, field=field)


async def listen(
    *,
    port: Annotated[Whole, Parameter(help="The port to listen on; 0 takes a free one.")] = 8787,
    host: Annotated[str, Parameter(help="The address to listen on; only this machine can reach the usual one.")] = (
        "127.0.0.1"
    ),
    path: Annotated[str, Parameter(help="The path of the address that the panel pushes to.")] = "/",
    scheme: SchemeFile = None,
    record: Annotated[
        Path | None,
        Parameter(
            help="Append every delivery as it came to this file, for `smm webhook learn`; no secret is needed. Without "
            "one all is answered as taken, so record with a webhook of its own."
        ),
    ] = None,
    replays: Annotated[
        Path | None,
        Parameter(
            help="Keep which events were told in this file (SQLite), also for the next start and for others that "
            "listen on this machine; else repeats are known until the command ends."
        ),
    ] = None,
    session: Hidden,
    whose: Whose | None = None,
) -> int:
    """Receive what a panel pushes until Ctrl-C: a line for each event that it signed, each event once.

    Which events were told is known until the command ends; with --replays FILE
    an event that the panel repeats after a restart is not told again, either.
    A delivery that fails a check is a line on stderr that names the check.
    With --json each event is one line: {"event": …, "order": …, "payload": …}.
    The panel must reach it by https: put a reverse proxy or a tunnel in front.
    """
    from smmclient.cli.webhook.listening import Wanted, listen_for

    wanted = Wanted(host=host, port=port, path=path, scheme=scheme, record=record, replays=replays)
    return await listen_for(session, (whose or Whose()).access(), wanted)


def learn(
    file: Annotated[
        Path,
        Parameter(help="What `listen --record` has written, or one request as HTTP text or {headers, body} as JSON."),
    ],
    /,
    *,
    save: Annotated[Path | None, Parameter(help="Write the scheme to this file, for --scheme.")] = None,
    force: Annotated[bool, Switch, Parameter(help="Write over a file that is there.")] = False,
    scheme: Annotated[
        Path | None, Parameter(help="A file with the names of the payload's fields, where they are not the usual ones.")
    ] = None,
    session: Hidden,
    whose: Whose | None = None,
) -> int:
    """Find out how a panel signs, and what of its payload is read, from a recorded delivery and the secret.

    The secret comes from the environment (NOTPANEL_WEBHOOK_SECRET …) or a
    profile; on a terminal it is asked for, and not shown. Nothing is sent.
    """
    from smmclient.cli.webhook.learning import learn_from

    return learn_from(session, (whose or Whose()).access(), file, save=save, is_forced=force, names=scheme)
