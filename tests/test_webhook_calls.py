"""Webhooks at the panel: added once, listed, removed, and their secret nowhere but in `Webhook.secret` and ``raw``."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest

import smmclient
from loopback import Behaviour, Loopback, http
from smmclient import (
    Event,
    Malformed,
    OrderInDoubt,
    OutcomeUnknown,
    Overloaded,
    Provider,
    Refused,
    RetryPolicy,
    Settings,
    Unsupported,
    UsageError,
)
from smmclient.testing import ScriptedTransport, reply
from smmclient.webhooks.webhook import Webhook
from smmclient.wire import WireReply

pytestmark = pytest.mark.anyio

KEY = "secret-key-of-the-test-0123456789"
URL = "https://hooks.example.com/smm"
SECRET = "whsec_9f8e7d6c5b4a39281706f5e4d3c2b1a0"
QUICK = RetryPolicy(attempts=2, first_pause=0.001, longest_pause=0.002)
Ask = Callable[[Provider], Awaitable[object]]


def over(answer: WireReply) -> tuple[Provider, ScriptedTransport]:
    """NotPanel over a transport that gives that answer."""
    transport = ScriptedTransport(answer)
    settings = Settings(limits=(), retry=RetryPolicy(attempts=1))
    return smmclient.connect("notpanel", api_key=KEY, transport=transport, settings=settings), transport


def answering(body: object, status: int = 200) -> Provider:
    """NotPanel that answers that."""
    return over(reply(json.dumps(body), status))[0]


# --------------------------------------------------------------------------------------------------- what is sent


async def test_what_is_added_arrives(loopback: Callable[[Behaviour], Loopback]) -> None:
    """The URL and the names of the events arrive as NotPanel documents them; without names no events are sent."""
    panel = loopback(lambda panel, form: http(200, {"id": "wh_1", "secret": SECRET}))
    async with smmclient.connect("notpanel", api_key=KEY, base_url=panel.url) as provider:
        webhook = await provider.add_webhook(URL, ["order.completed", "balance.low"])
        assert webhook == Webhook(URL, ("order.completed", "balance.low"), SECRET, "wh_1")
        assert (await provider.add_webhook(URL)).events is None
    named = {"key": KEY, "action": "webhook.add", "url": URL, "events": "order.completed,balance.low"}
    assert panel.forms == [named, {"key": KEY, "action": "webhook.add", "url": URL}]


async def test_names_that_no_panel_documents_are_parameters(loopback: Callable[[Behaviour], Loopback]) -> None:
    """The actions and the field that points at a webhook have defaults, and can be given."""
    panel = loopback(lambda panel, form: http(200, [] if "list" in form["action"] else {"success": True}))
    async with smmclient.connect("notpanel", api_key=KEY, base_url=panel.url) as provider:
        assert await provider.webhooks() == await provider.webhooks("hooks.list") == ()
        await provider.remove_webhook("wh_1")
        await provider.remove_webhook(Webhook(URL, id="wh_2"), action="webhook.delete", field="webhook")
        await provider.remove_webhook(Webhook(URL), field="url")
    assert [{name: form[name] for name in form if name != "key"} for form in panel.forms] == [
        {"action": "webhook.list"},
        {"action": "hooks.list"},
        {"action": "webhook.remove", "id": "wh_1"},
        {"action": "webhook.delete", "webhook": "wh_2"},
        {"action": "webhook.remove", "url": URL},
    ]


def removes(webhook: Any, **how: str) -> Ask:
    """Remove that."""
    return lambda panel: panel.remove_webhook(webhook, **how)


MISTAKES: dict[str, Ask] = {
    "http": lambda panel: panel.add_webhook("http://hooks.example.com/"),
    "loopback": lambda panel: panel.add_webhook("https://127.0.0.1/"),
    "the key": lambda panel: panel.add_webhook(f"{URL}?tenant={KEY}"),
    "the key, escaped": lambda panel: panel.add_webhook(f"{URL}/{KEY.upper().replace('-', '%2D')}"),
    "the key as host": lambda panel: panel.add_webhook(f"https://{KEY}.example.com/"),
    "one event as text": lambda panel: panel.add_webhook(URL, "order.completed"),
    "no events": lambda panel: panel.add_webhook(URL, []),
    "an order's action": removes("1", action="cancel", field="order"),
    "an action to list that is none": lambda panel: panel.webhooks("add"),
    "no action": lambda panel: panel.webhooks(""),
    "a field that is taken": removes("1", field="key"),
    "no field": removes("1", field="a b"),
    "no id": removes(""),
    "two ids": removes("1,2"),
    "an id that is none": removes(1.5),
    "a webhook without an id": removes(Webhook(URL)),
    "a webhook without a URL": removes(Webhook(None, id="wh_1"), field="url"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
async def test_mistakes_are_found_before_anything_is_sent(mistake: str) -> None:
    """A call that cannot be right is a UsageError that does not repeat the key, and no request is made."""
    provider, transport = over(reply({"id": "1", "secret": SECRET}))
    with pytest.raises(UsageError) as caught:
        await MISTAKES[mistake](provider)
    assert KEY not in f"{caught.value}"
    assert transport.requests == []


CALLS: dict[str, Ask] = {
    "webhook.add": lambda panel: panel.add_webhook(URL),
    "webhook.list": lambda panel: panel.webhooks(),
    "webhook.remove": lambda panel: panel.remove_webhook("wh_1"),
}


@pytest.mark.parametrize("action", CALLS)
async def test_who_has_no_webhooks_says_so(action: str) -> None:
    """A panel that documents none, and a provider that knows no such calls, raise Unsupported before any I/O."""
    transport = ScriptedTransport(reply({}))
    bare = smmclient.connect("panelbon", api_key=KEY, transport=transport)
    with pytest.raises(Unsupported, match="panelbon has no webhooks"):
        await CALLS[action](bare)
    plain: dict[str, Callable[[], Awaitable[object]]] = {
        "webhook.add": lambda: Provider.add_webhook(bare, URL),
        "webhook.list": lambda: Provider.webhooks(bare),
        "webhook.remove": lambda: Provider.remove_webhook(bare, "wh_1"),
    }
    with pytest.raises(Unsupported, match="no calls for webhooks"):
        await plain[action]()
    assert transport.requests == []


async def test_a_sandbox_may_push_to_this_machine(loopback: Callable[[Behaviour], Loopback]) -> None:
    """A panel that is itself on this machine is given a receiver on this machine."""
    panel = loopback(lambda panel, form: http(200, {"secret": SECRET}))
    async with smmclient.connect("notpanel", api_key=KEY, base_url=panel.url) as provider:
        assert (await provider.add_webhook("http://127.0.0.1:8000/smm")).secret == SECRET


# ------------------------------------------------------------------------------------------------ what is answered

#: Replies to webhook.add, and the id, the events and the secret that are read.
ADDED: list[tuple[object, str | None, tuple[str, ...] | None, str | None]] = [
    ({"secret": SECRET}, None, None, SECRET),
    ({"id": 7, "signing_secret": SECRET}, "7", None, SECRET),
    ({"status": "success", "webhook": {"id": "wh_1", "secret": SECRET, "events": ["a.b"]}}, "wh_1", ("a.b",), SECRET),
    ({"success": True, "data": {"webhook": {"webhookId": "wh_1", "webhookSecret": SECRET}}}, "wh_1", None, SECRET),
    ({"id": "req_1", "webhook": {"id": "wh_1", "secret": SECRET}}, "wh_1", None, SECRET),
    ([{"id": "wh_1", "Secret": SECRET, "events": "a.b, c.d"}], "wh_1", ("a.b", "c.d"), SECRET),
    ({"webhook": "wh_1", "secret": SECRET, "error": None}, "wh_1", None, SECRET),
    ({"webhook": 1, "secret": SECRET}, None, None, SECRET),
    ({"secret": SECRET, "data": {"secret": SECRET}}, None, None, SECRET),
    ({"message": "Webhook created", "secret": SECRET}, None, None, SECRET),
    # No secret that can be told: the reply is kept.
    ({"id": "wh_1", "strange": SECRET}, "wh_1", None, None),
    ({"secret": SECRET, "signing_secret": "another"}, None, None, None),
    ({"id": "wh_1", "secret": "whsec_****1a0"}, "wh_1", None, None),
    ({"id": "wh_1", "secret": {"value": SECRET}}, "wh_1", None, None),
    ({"success": True}, None, None, None),
    ({"ok": True, "message": "Your webhook is there"}, None, None, None),
]


@pytest.mark.parametrize("row", ADDED)
async def test_a_webhook_is_read_from_its_reply(row: Any) -> None:
    """The secret is found under names of ours, however it is wrapped; what is not found is left in raw."""
    body, one, events, secret = row
    webhook = await answering(body).add_webhook(URL)
    assert webhook == Webhook(URL, events, secret, one)
    assert webhook.raw == body
    assert SECRET not in f"{webhook!r} {webhook}"


@pytest.mark.parametrize(
    "body",
    [
        *({}, [], None, "", 0, False, True, [[]], {"webhook": None}, {"webhook": {}}, {"id": None, "secret": ""}),
        *("Webhook limit reached", ["Webhook limit reached"], {"message": "Webhook limit of 5 reached"}, {"code": 17}),
    ],
)
async def test_a_reply_without_a_webhook_is_unknown(body: object) -> None:
    """Empty things, and words that nobody knows and that are no yes, neither show a webhook nor say that it is not."""
    with pytest.raises(OutcomeUnknown):
        await answering(body).add_webhook(URL)


LISTED: list[tuple[object, tuple[Webhook, ...]]] = [
    ([], ()),
    ({"webhooks": []}, ()),
    ({"data": {"webhooks": []}}, ()),
    ([{"id": 7, "url": URL, "events": ["a.b"]}], (Webhook(URL, ("a.b",), id="7"),)),
    ({"success": True, "webhooks": [{"id": "wh_1", "url": URL}]}, (Webhook(URL, id="wh_1"),)),
    ({"wh_1": {"url": URL}, "wh_2": {"callback": URL}}, (Webhook(URL, id="wh_1"), Webhook(URL, id="wh_2"))),
    ({"0": {"url": URL}, "1": {"url": URL, "id": "wh_2"}}, (Webhook(URL), Webhook(URL, id="wh_2"))),
    ({"id": "wh_1", "url": URL}, (Webhook(URL, id="wh_1"),)),
    ([{"id": "wh_1"}], (Webhook(None, id="wh_1"),)),
    ([URL], (Webhook(URL),)),
]


@pytest.mark.parametrize(("body", "webhooks"), LISTED)
async def test_a_list_is_read(body: object, webhooks: tuple[Webhook, ...]) -> None:
    """Lists, objects keyed by id and wrapped ones are read; a place in a list is not taken for an id."""
    assert await answering(body).webhooks() == webhooks


@pytest.mark.parametrize("body", [{}, None, {"success": True}, [{"name": "x"}], [7], ["wh_1"], "none", {"webhooks": 0}])
async def test_a_list_that_is_none_is_malformed(body: object) -> None:
    """What is no list of webhooks is not taken for an empty one."""
    with pytest.raises(Malformed):
        await answering(body).webhooks()


@pytest.mark.parametrize(
    "body",
    [
        *({"success": True}, {"status": "success"}, {"ok": 1}, {"deleted": True}, {"removed": "wh_1"}, True, 1),
        *({"id": "wh_1"}, {"webhook": "wh_1"}, {"data": {"id": "wh_1", "deleted": True}}, [{"removed": 1}]),
    ],
)
async def test_a_removal_is_a_yes(body: object) -> None:
    """A yes, or the id that was to be removed, says that the webhook is gone."""
    await answering(body).remove_webhook("wh_1")


@pytest.mark.parametrize(
    "body",
    [
        *({}, [], None, "removed", {"webhook": "wh_2"}, {"success": True, "id": "wh_2"}, {"queue": 3}),
        {"id": "wh_1", "status": "active"},
    ],
)
async def test_a_removal_that_nobody_confirms_is_unknown(body: object) -> None:
    """A reply about something else, or about nothing, says neither yes nor no, and the error says where to look."""
    with pytest.raises(OutcomeUnknown, match="look at the panel's list of webhooks, and remove it again if it is"):
        await answering(body).remove_webhook("wh_1")


@pytest.mark.parametrize("ask", ["webhook.add", "webhook.remove"])
@pytest.mark.parametrize("body", [{"success": False}, {"status": "error"}, {"ok": 0}])
async def test_a_no_without_a_reason_is_a_refusal(body: object, ask: str) -> None:
    """A reply that says no and nothing else is a refusal."""
    with pytest.raises(Refused, match="and not why"):
        await CALLS[ask](answering(body))


@pytest.mark.parametrize("status", [200, 400, 403, 409, 422])
async def test_one_webhook_too_many_is_a_refusal(status: int) -> None:
    """The panel's words are kept; a 403, documented of suspended accounts, does not make it one."""
    text = "Maximum of 5 webhooks per API key"
    with pytest.raises(Refused) as caught:
        await answering({"error": text}, status).add_webhook(URL)
    assert type(caught.value) is Refused
    assert caught.value.text == text
    assert caught.value.raw == {"error": text}


async def test_a_lost_reply_says_what_to_do(loopback: Callable[[Behaviour], Loopback]) -> None:
    """It is not sent again: a webhook may be there whose secret nobody saw, and the error says how to mend that."""
    panel = loopback(lambda panel, form: None)
    async with smmclient.connect("notpanel", api_key=KEY, base_url=panel.url) as provider:
        with pytest.raises(OutcomeUnknown, match="has this URL, remove it there and add it again") as caught:
            await provider.add_webhook(URL)
    assert not caught.value.safe_to_repeat
    assert len(panel.forms) == 1


async def _run(provider: Provider) -> None:
    await provider.add_webhook(URL)


async def test_cancelled_in_the_air(loopback: Callable[[Behaviour], Loopback]) -> None:
    """A caller's cancel goes through at once, and the webhook that may be there is told as an event."""

    def held(panel: Loopback, form: dict[str, str]) -> None:
        panel.hold(form)

    panel = loopback(held)
    events: list[Event] = []
    settings = Settings(on_event=events.append)
    async with (
        smmclient.connect("notpanel", api_key=KEY, base_url=panel.url, settings=settings) as provider,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(_run, provider)
        await anyio.to_thread.run_sync(panel.holding.wait, 5)
        tasks.cancel_scope.cancel()
    (told,) = [event for event in events if isinstance(event, OrderInDoubt)]
    assert (told.operation, told.order, told.safe_to_repeat) == ("webhook.add", URL, False)


async def test_a_panel_that_fails_to_list_is_asked_again(loopback: Callable[[Behaviour], Loopback]) -> None:
    """Listing changes nothing, so it is repeated like any read."""
    panel = loopback(lambda panel, form: http(503, "") if len(panel.forms) < 2 else http(200, [URL]))
    async with smmclient.connect(
        "notpanel", api_key=KEY, base_url=panel.url, settings=Settings(retry=QUICK, limits=())
    ) as provider:
        assert await provider.webhooks() == (Webhook(URL),)
        panel.behaviour = lambda panel, form: http(503, "")
        with pytest.raises(Overloaded):
            await provider.webhooks()
    assert len(panel.forms) == 4
