"""``smm webhook add``, ``list`` and ``remove``: the calls, and the one place where a secret is shown."""

from __future__ import annotations

import json
import shlex

from smmclient.cli.outcome import OK
from smmclient.cli.plain import to_json
from smmclient.cli.profiles import secret_name
from smmclient.cli.session import Access, Session
from smmclient.webhooks.webhook import Webhook

__all__ = ["add_webhook", "list_webhooks", "remove_webhook"]


async def add_webhook(session: Session, access: Access | None, url: str, events: str | None) -> int:
    """Add a webhook, and show its secret, or, where none is found, the whole reply."""
    names = None if events is None else [one.strip() for one in events.split(",")]
    out, variable = session.out, secret_name(session.account_of(access).panel)
    async with session.connect(access) as panel:
        added = await panel.add_webhook(url, names)
        # Before the connection is closed: a Ctrl-C meanwhile would lose what is shown once.
        try:
            _show_added(session, added)
        except OSError:
            # Nobody has read it, and that must not pass in silence.
            out.note("smm: the webhook was added, and its secret could not be written: remove it, and add it again")
            raise
    if added.secret is not None:
        out.note("smm: keep the secret now: it is shown once")
        out.note(f"  -> `smm webhook listen` looks for it in {variable}, or in a profile as webhook_secret")
    else:
        out.note("smm: the webhook was added, but no secret was found in the reply, which is shown as it came")
        out.note(f"  -> it is shown once: keep it, and put the secret that is in it into {variable}")
    if added.id is None:
        out.note(f"smm: the reply names no id: `smm webhook list` may, or remove it with: {_removal(url)}")
    return OK


def _show_added(session: Session, added: Webhook) -> None:
    out, told = session.out, {"id": added.id, "url": added.url, "events": _names(added)}
    if out.json:
        reply = {} if added.secret is not None else {"reply": added.raw}
        out.write_json(told | {"events": added.events, "secret": added.secret} | reply)
        return
    shown = list(told.items())
    if added.secret is not None:
        shown.append(("secret", _exact(added.secret)))
    else:
        shown.append(("reply", to_json(added.raw, indent=None)))
    out.record(shown)


def _exact(secret: str) -> str:
    """The secret to the letter: one that a terminal would not show so is written as JSON."""
    return secret if secret.isascii() and secret.isprintable() else json.dumps(secret)


def _removal(url: str) -> str:
    return shlex.join(["smm", "webhook", "remove", url, "--field", "url"])


def _names(webhook: Webhook) -> str | None:
    return None if webhook.events is None else ",".join(webhook.events)


async def list_webhooks(session: Session, access: Access | None, action: str) -> int:
    """Show the webhooks, without what may be their secrets."""
    async with session.connect(access) as panel:
        found = await panel.webhooks(action)
    out = session.out
    if out.json:
        out.write_json([{"id": one.id, "url": one.url, "events": one.events} for one in found])
        return OK
    if not found:
        out.note("smm: the panel has no webhooks for this key; `smm webhook add URL` adds one")
        return OK
    out.table(("id", "url", "events"), [(one.id, one.url, _names(one)) for one in found])
    return OK


async def remove_webhook(session: Session, access: Access | None, webhook: str, *, action: str, field: str) -> int:
    """Remove a webhook."""
    async with session.connect(access) as panel:
        await panel.remove_webhook(webhook, action=action, field=field)
        if session.out.json:
            session.out.write_json({"webhook": webhook, "removed": True})
        else:
            session.out.line(f"{webhook} is removed")
    return OK
