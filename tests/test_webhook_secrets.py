"""A webhook's secret is nowhere but in `Webhook.secret` and ``raw``, whatever the reply is that holds it."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import smmclient
from loopback import Behaviour, Loopback, http
from smmclient import Malformed, OutcomeUnknown, Provider, Refused, RetryPolicy, Settings, SMMError
from smmclient.dialect import Fault, Unreadable
from smmclient.testing import ScriptedTransport, reply
from smmclient.webhooks.webhook import Webhook
from smmclient.wire import Operation, WireReply
from smmclient_notpanel import NOTPANEL

pytestmark = pytest.mark.anyio

KEY = "secret-key-of-the-test-0123456789"
URL = "https://hooks.example.com/smm"
SECRET = "whsec_9f8e7d6c5b4a39281706f5e4d3c2b1a0"
QUICK = RetryPolicy(attempts=2, first_pause=0.001, longest_pause=0.002)
CALLS: dict[str, Callable[[Provider], Awaitable[object]]] = {
    "webhook.add": lambda panel: panel.add_webhook(URL),
    "webhook.list": lambda panel: panel.webhooks(),
    "webhook.remove": lambda panel: panel.remove_webhook("wh_1"),
}


def answering(answer: WireReply) -> Provider:
    """NotPanel that gives that answer."""
    settings = Settings(limits=(), retry=RetryPolicy(attempts=1))
    return smmclient.connect("notpanel", api_key=KEY, transport=ScriptedTransport(answer), settings=settings)


#: The piece of the secret that a cut reply still has.
PIECE = SECRET[:20]
HTML = f"<html><p>secret: {SECRET}</p></html>"
LEAKS: dict[str, bytes] = {
    "a good reply": http(200, {"id": "wh_1", "url": URL, "secret": SECRET}),
    "cut JSON": http(200, f'{{"id": "wh_1", "secret": "{PIECE}'),
    "cut on the wire": http(200, {"id": "wh_1", "secret": SECRET})[:-25],
    "an error beside it": http(200, {"error": "URL did not answer", "secret": SECRET}),
    "an error beside it, 400": http(400, {"error": "URL did not answer", "data": {"secret": SECRET}}),
    "an error that quotes it": http(400, {"error": f"{SECRET} is the secret of another"}),
    "an error that quotes a short one": http(400, {"error": "this has the secret=ab12cd already"}),
    "a limit beside it": http(429, {"error": "Too many requests", "secret": SECRET}),
    "a limit that quotes it": http(200, {"status": "error", "message": f"Too many requests {SECRET}"}),
    "500 with it": http(500, {"error": "Internal server error", "secret": SECRET}),
    "500 that quotes it": http(500, {"error": f"could not deliver with {SECRET}"}),
    "500 as a page": http(500, HTML),
    "a page": http(200, HTML),
    "plain text": http(200, f"secret={SECRET}"),
    "plain text, 403": http(403, f"secret={SECRET}"),
    "under a name of its own": http(400, {"error": "no", "strange": SECRET, "list": [{"x": SECRET}]}),
    "as a key": http(200, {"success": False, "secret": SECRET, "webhook": {"secret": "another-0123456789"}}),
    "two lists": http(200, [[{"secret": SECRET}], [{"secret": SECRET}]]),
    "in a place for ids": http(200, [{"webhook": {"secret": SECRET}, "url": 7}]),
}


def told_by(error: BaseException | None, seen: set[int]) -> Iterator[str]:
    """All that an error and those behind it tell: words, attributes, notes, tracebacks with our own frames' values."""
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield f"{error} {error!r} {vars(error)!r} {getattr(error, '__notes__', '')}"
        yield "".join(traceback.format_exception(error))
        for frame, _ in traceback.walk_tb(error.__traceback__):
            if "smmclient/" in frame.f_code.co_filename:
                yield repr(frame.f_locals)
        yield from told_by(error.__cause__, seen)
        error = error.__context__


@pytest.mark.parametrize("ask", CALLS)
@pytest.mark.parametrize("leak", LEAKS)
async def test_nobody_is_told_the_secret(
    leak: str, ask: str, loopback: Callable[[Behaviour], Loopback], caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever holds the secret, it is in no log, no event, no repr, and nowhere on an error or behind it."""
    caplog.set_level(logging.DEBUG)
    panel = loopback(lambda panel, form: LEAKS[leak])
    events: list[object] = []
    settings = Settings(retry=QUICK, limits=(), on_event=events.append)
    told: list[str] = []
    async with smmclient.connect("notpanel", api_key=KEY, base_url=panel.url, settings=settings) as provider:
        try:
            told.append(repr(await CALLS[ask](provider)))
        except SMMError as error:
            told += told_by(error, set())
    shown = f"{told} {events} {caplog.text} {provider!r}"
    assert PIECE not in shown
    assert "ab12cd" not in shown
    assert any(record.name == "smmclient" for record in caplog.records)
    assert len(events) >= 1


#: What adding ends in where the reply has a secret that is not simply a webhook's, and how often it is sent.
@pytest.mark.parametrize(
    ("leak", "error"),
    [
        ("cut JSON", OutcomeUnknown),
        ("cut on the wire", OutcomeUnknown),
        ("an error beside it", OutcomeUnknown),
        ("an error beside it, 400", OutcomeUnknown),
        ("a limit beside it", OutcomeUnknown),
        ("500 with it", OutcomeUnknown),
        ("a page", OutcomeUnknown),
        ("an error that quotes it", Refused),
        ("under a name of its own", Refused),
    ],
)
async def test_an_error_beside_a_secret_is_an_unknown_outcome(
    leak: str, error: type[SMMError], loopback: Callable[[Behaviour], Loopback]
) -> None:
    """Where a secret was shown a webhook may be there, whatever else is said; it is sent once, also after a 429."""
    panel = loopback(lambda panel, form: LEAKS[leak])
    async with smmclient.connect(
        "notpanel", api_key=KEY, base_url=panel.url, settings=Settings(retry=QUICK, limits=())
    ) as provider:
        with pytest.raises(SMMError) as caught:
            await provider.add_webhook(URL)
    assert type(caught.value) is error
    assert len(panel.forms) == 1


async def test_a_redirect_does_not_tell_the_secret() -> None:
    """The address that a redirect leads to is named without what looks like a secret in it."""
    provider = answering(reply("", 302, {"location": f"/hooks?secret={SECRET}"}))
    with pytest.raises(smmclient.ConfigError, match=r"redirects \(302\) to /hooks\?secret=\*\*\*: set base_url"):
        await provider.add_webhook(URL)


async def test_the_panels_words_stay_around_the_secret() -> None:
    """Of an error that quotes the secret the other words are kept, and of the reply no text but these."""
    body = {
        "error": f"Webhook {SECRET} is there already",
        "request": "a-9",
        "count": 5,
        "hint": [SECRET],
        "secret": 4711,
    }
    with pytest.raises(Refused) as caught:
        await answering(reply(body, 409)).add_webhook(URL)
    assert caught.value.text == "Webhook *** is there already"
    assert caught.value.raw == {
        "error": caught.value.text,
        "request": "***",
        "count": 5,
        "hint": ["***"],
        "secret": "***",
    }


@pytest.mark.parametrize(
    "secret",
    [
        "ABCDEFGHIJKLMNOPQRSTUVWX",
        "abcdefghijklmnopqrstuvwxyz",
        "aBcDeFgHiJkLmNoPqRsTuVwXyZ",
        "a-ABCDEFGHIJKLMNOPQRSTUVWX",
    ],
)
async def test_letters_alone_can_be_a_secret(secret: str) -> None:
    """A run of letters that is longer than words are is not told, whatever its case; the words around it are."""
    with pytest.raises(Refused) as caught:
        await answering(
            reply({"error": f"internationalization: webhook-is-already-there for {secret}"}, 409)
        ).add_webhook(URL)
    assert caught.value.text == "internationalization: webhook-is-already-there for ***"


async def test_a_list_that_cannot_be_read_names_its_fields() -> None:
    """An unreadable row is not quoted, but its fields are named, so that one can find out what the panel sends."""
    with pytest.raises(Malformed, match="its fields are address, secret") as caught:
        await answering(reply([{"address": URL, "secret": SECRET, SECRET: 1}])).webhooks()
    assert caught.value.excerpt is None


_words = st.sampled_from(
    ["Webhook limit reached", "Too many requests", "Internal server error", "ok", "error", "", "1"]
)
_quoting = st.sampled_from([SECRET, f"{SECRET} is taken", f"secret is {SECRET}.", f'bad ("{SECRET}")', f"a/{SECRET}?b"])
_leaves = st.none() | st.booleans() | st.integers(0, 9) | _words | _quoting
_names = st.sampled_from(
    [
        *("secret", "signing_secret", "error", "errors", "message", "msg", "status", "success", "webhook", "webhooks"),
        *("data", "result", "strange", "removed"),
    ]
)
_payloads = st.recursive(
    _leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names, inner, max_size=4), max_leaves=8
)
_OPERATIONS: list[Operation[Any]] = [
    NOTPANEL.add_webhook(URL, None),
    NOTPANEL.list_webhooks("webhook.list"),
    NOTPANEL.remove_webhook("wh_1", action="webhook.remove", field="id"),
]


@given(
    payload=_payloads,
    cut=st.integers(0, 60),
    status=st.sampled_from([200, 200, 200, 201, 302, 400, 403, 404, 429, 500, 503]),
    operation=st.sampled_from(_OPERATIONS),
)
@example(payload={"error": [[[[[[[[[[[[SECRET]]]]]]]]]]]]}, cut=0, status=400, operation=_OPERATIONS[0])
def test_no_reply_has_the_secret_told(payload: object, cut: int, status: int, operation: Operation[Any]) -> None:
    """Whatever the shape, and wherever it is cut, what comes of it is a result or a known error, and neither tells."""
    body = json.dumps(payload).encode()
    try:
        result = NOTPANEL.read(WireReply(status, {}, body[: -cut or None]), operation)
    except (SMMError, Fault, Unreadable) as error:
        assert PIECE not in "".join(told_by(error, set()))
        assert error.__cause__ is error.__context__ is None
    else:
        assert PIECE not in repr(result)
        assert not isinstance(result, Webhook) or result.secret in (None, *_quotes(payload))


def _quotes(payload: object) -> list[str]:
    """All texts in it."""
    if isinstance(payload, (list, dict)):
        inner = payload.values() if isinstance(payload, dict) else payload
        return [text for one in inner for text in _quotes(one)]
    return [payload] if isinstance(payload, str) else []
