"""The receiver answers every delivery, hands each event on once, and tells a stranger nothing."""

from __future__ import annotations

import functools
import gc
import logging
import threading
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.routing import Mount

from deliveries import NOW, SECRET, Caller, deliver, payload, signature, signed
from smmclient.errors import UsageError
from smmclient.webhooks import (
    Claim,
    MemoryReplays,
    OrderEvent,
    Pushes,
    Scheme,
    SQLiteReplays,
    WebhookApp,
    WebhookEvent,
    parse,
    verify,
)

pytestmark = pytest.mark.anyio
#: JSON, and beyond what a decimal can hold.
_TOO_LARGE_A_NUMBER = payload(data={"order": "7", "charge": "#"}).replace(b'"#"', b"1e99999999999999999999")


def receiver(on_event: Callable[[Any], object] | None = None, **options: Any) -> WebhookApp:
    """A receiver whose clock stands at the time of the deliveries."""
    return WebhookApp(options.pop("secrets", SECRET), on_event=on_event, **{"clock": lambda: NOW, **options})


class Failing:
    """A handler that fails so many times, and then takes what comes."""

    def __init__(self, times: int) -> None:
        self.left, self.taken = times, list[Any]()

    async def __call__(self, event: WebhookEvent) -> None:
        """Fail, with words that nobody should see."""
        self.left -= 1
        if self.left >= 0:
            raise RuntimeError(f"cannot take {event.raw} with {SECRET}")
        self.taken.append(event)


# ------------------------------------------------------------------------------------------------ what is handed on


async def test_an_event_reaches_all_who_wait_for_it() -> None:
    """A delivery is answered 200 and goes to on_event, to pushes, and to the handlers of its name, in any style."""
    taken: list[tuple[str, str]] = []

    class Pushed:
        def publish(self, event: WebhookEvent) -> None:
            taken.append(("pushes", event.name))

    async def everything(event: WebhookEvent) -> None:
        taken.append(("everything", event.name))

    app = receiver(everything, pushes=Pushed())

    @app.on("order.completed")
    def completed(event: OrderEvent) -> None:
        taken.append(("completed", event.order))

    @app.on("balance.low")
    async def low(event: WebhookEvent) -> None:
        taken.append(("low", event.name))

    answer = await deliver(app, payload())
    assert (answer.status, answer.body) == (200, b"")
    assert taken == [("pushes", "order.completed"), ("everything", "order.completed"), ("completed", "ord_7")]
    await deliver(app, payload("balance.low", "evt_2"))
    assert taken[3:] == [("pushes", "balance.low"), ("everything", "balance.low"), ("low", "balance.low")]


@pytest.mark.parametrize("acknowledge", ["first", "after"])
async def test_the_answer_goes_out_before_or_after(acknowledge: str) -> None:
    """The handlers run after the answer, or before it, in the same call."""
    body, order = payload(), list[str]()
    caller = Caller([body])

    async def send(message: Any) -> None:
        order.append(message["type"])

    app = receiver(lambda event: order.append(event.name), acknowledge=acknowledge)
    headers = [(name.lower().encode(), value.encode()) for name, value in signed(body)]
    await app({"type": "http", "method": "POST", "headers": headers}, caller.receive, send)
    answer = ["http.response.start", "http.response.body"]
    assert order == ([*answer, "order.completed"] if acknowledge == "first" else ["order.completed", *answer])


@pytest.mark.parametrize("acknowledge", ["first", "after"])
@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_a_repeat_is_answered_and_not_handled(kind: str, acknowledge: str, tmp_path: Path) -> None:
    """The same delivery, and the same event under a new signature, are answered as if they were handled again."""
    taken: list[Any] = []
    guard = SQLiteReplays(tmp_path / "r.db", clock=lambda: NOW) if kind == "sqlite" else None
    app = receiver(taken.append, replays=guard, acknowledge=acknowledge)
    body = payload()
    for headers in (signed(body), signed(body), signed(body, NOW + 9), [*signed(body), ("X-Other", "1")]):
        assert (await deliver(app, body, headers)).status == 200
    assert len(taken) == 1
    assert (await deliver(app, payload(event_id="evt_2"))).status == 200
    assert len(taken) == 2
    if guard is not None:
        guard.close()


async def test_an_event_is_known_for_a_while() -> None:
    """An event's id is remembered for so long as is said, beyond the time in which a delivery can be repeated."""
    taken: list[Any] = []
    now = [NOW]
    app = receiver(taken.append, clock=lambda: now[0], remember=3600)
    for later, count in ((0, 1), (3500, 1), (3700, 2)):
        now[0] = NOW + later
        assert (await deliver(app, payload(), signed(payload(), now[0]))).status == 200
        assert len(taken) == count


async def test_a_failed_event_is_handled_when_it_comes_again(caplog: pytest.LogCaptureFixture) -> None:
    """After a failure "after" answers 500 and takes the repeat; the log has the error's kind and nothing else."""
    handler = Failing(2)
    app = receiver(handler, acknowledge="after")
    assert [(await deliver(app, payload())).status for _ in range(4)] == [500, 500, 200, 200]
    assert len(handler.taken) == 1
    told = [record.getMessage() for record in caplog.records if record.name == "smmclient.webhooks"]
    assert told == ["Failing failed: RuntimeError"] * 2
    assert all(record.exc_info is None for record in caplog.records)


async def test_a_failure_after_the_answer_is_only_logged(caplog: pytest.LogCaptureFixture) -> None:
    """It has been answered 200 by then; what the panel repeats all the same is handled, by who failed too."""
    handler, taken = Failing(1), list[Any]()
    app = receiver(handler)
    app.on("order.completed")(taken.append)
    assert [(await deliver(app, payload())).status for _ in range(3)] == [200, 200, 200]
    assert (len(handler.taken), len(taken)) == (1, 2)
    assert "Failing failed: RuntimeError" in caplog.text
    assert SECRET not in caplog.text


@pytest.mark.parametrize("fails", [False, True])
async def test_a_repeat_waits_for_how_the_first_ends(fails: bool) -> None:
    """What comes again while it is being handled is not answered before that is done, and not handled beside it."""
    entered, go = anyio.Event(), anyio.Event()
    statuses: list[int | None] = []
    calls = 0

    async def slow(event: WebhookEvent) -> None:
        nonlocal calls
        calls += 1
        entered.set()
        await go.wait()
        if fails:
            raise RuntimeError

    app = receiver(slow, acknowledge="after")

    async def post(at: float) -> None:
        statuses.append((await deliver(app, payload(), signed(payload(), at))).status)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(post, NOW)
        await entered.wait()
        tasks.start_soon(post, NOW)
        tasks.start_soon(post, NOW + 1)
        await anyio.wait_all_tasks_blocked()
        assert statuses == []
        go.set()
    assert statuses == ([500] * 3 if fails else [200] * 3)
    assert calls == 1


@pytest.mark.parametrize("fails", [False, True])
async def test_a_repeat_is_not_taken_before_the_first_is_claimed(fails: bool) -> None:
    """While the guard is asked, nobody knows whether the event will be taken: its repeats get the first's answer."""
    asked, go = anyio.Event(), anyio.Event()
    statuses: list[int | None] = []
    taken: list[Any] = []

    class Slow:
        async def claim(self, token: str, expires_at: float) -> Claim:
            asked.set()
            await go.wait()
            if fails:
                raise OSError
            return Claim.NEW

        async def keep(self, token: str, expires_at: float) -> None:
            assert not fails

        async def release(self, token: str) -> None:
            raise AssertionError(token)

    app = receiver(taken.append, replays=Slow())

    async def post() -> None:
        statuses.append((await deliver(app, payload())).status)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(post)
        await asked.wait()
        tasks.start_soon(post)
        await anyio.wait_all_tasks_blocked()
        assert statuses == []
        go.set()
    assert (statuses, len(taken)) == (([503, 500], 0) if fails else ([200, 200], 1))


@pytest.mark.parametrize("acknowledge", ["first", "after"])
async def test_a_cancelled_delivery_is_handled_when_it_comes_again(acknowledge: str) -> None:
    """A server that stops in the middle leaves no claim behind; nothing keeps the handler from being cancelled."""
    taken: list[Any] = []
    entered = anyio.Event()

    async def slow(event: WebhookEvent) -> None:
        if not taken:
            taken.append("begun")
            entered.set()
            await anyio.sleep_forever()
        taken.append(event)

    app = receiver(slow, acknowledge=acknowledge)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(deliver, app, payload())
        await entered.wait()
        tasks.cancel_scope.cancel()
    assert (await deliver(app, payload())).status == 200
    assert len(taken) == 2


async def test_who_hangs_up_before_the_answer_is_served_all_the_same() -> None:
    """An answer that cannot be sent keeps the event from nobody, and is no error to the server."""
    taken: list[Any] = []
    caller = Caller([payload()])

    async def gone(message: Any) -> None:
        raise ConnectionResetError

    headers = [(name.lower().encode(), value.encode()) for name, value in signed(payload())]
    await receiver(taken.append)({"type": "http", "method": "POST", "headers": headers}, caller.receive, gone)
    assert len(taken) == 1


class _Broken:
    """A guard whose database is away."""

    async def claim(self, token: str, expires_at: float) -> Claim:
        """Fail."""
        raise OSError(f"{token} {SECRET}")

    async def keep(self, token: str, expires_at: float) -> None:
        """Fail, and tell the secret."""
        raise OSError(f"{token} {SECRET}")

    async def release(self, token: str) -> None:
        """Fail too."""
        raise OSError(token)


async def test_without_a_guard_nothing_is_handled(caplog: pytest.LogCaptureFixture) -> None:
    """When the guard fails, the delivery is answered 503, so that it comes again, and reaches nobody."""
    taken: list[Any] = []
    assert (await deliver(receiver(taken.append, replays=_Broken()), payload())).status == 503
    assert taken == []
    assert SECRET not in caplog.text


async def test_a_crash_while_handling_frees_the_claim_in_a_minute() -> None:
    """A claim holds for long only once the event is handled: what a crash cut off is taken when it comes again."""
    now = [NOW]
    guard = MemoryReplays(clock=lambda: now[0])
    ends: list[float] = []

    class Watched:
        async def claim(self, token: str, expires_at: float) -> Claim:
            ends.append(expires_at - now[0])
            return await guard.claim(token, expires_at)

        async def keep(self, token: str, expires_at: float) -> None:
            ends.append(expires_at - now[0])
            await guard.keep(token, expires_at)

        async def release(self, token: str) -> None:
            await guard.release(token)

    assert (await deliver(receiver(replays=Watched(), remember=1000), payload())).status == 200
    assert ends == [60, 1000]
    ends.clear()
    assert (await deliver(receiver(replays=Watched()), payload(event_id=None))).status == 200
    assert ends == [60, 360]


async def test_an_id_that_nobody_signed_opens_no_way_in() -> None:
    """An id in a header outside of the signature tells repeats apart from news, but makes no old delivery new."""
    taken: list[Any] = []
    app = receiver(taken.append)
    body = payload(event_id=None)
    for headers in ([("x-webhook-id", "a")], [("x-webhook-id", "b")], []):
        assert (await deliver(app, body, [*signed(body), *headers])).status == 200
    assert (await deliver(app, body, [*signed(body, NOW + 1), ("x-webhook-id", "a")])).status == 200
    assert len(taken) == 1
    for headers in ([], [("x-webhook-id", "a")]):
        assert (await deliver(app, payload(), [*signed(payload()), *headers])).status == 200
    assert len(taken) == 2


@pytest.mark.parametrize("acknowledge", ["first", "after"])
async def test_what_another_process_is_at_comes_again(acknowledge: str) -> None:
    """A repeat of what another process has claimed, or died at, is answered 503 until that is done or its time over."""
    now = [NOW]
    guard = MemoryReplays(clock=lambda: now[0])
    entered, go = anyio.Event(), anyio.Event()
    taken: list[str] = []

    async def slow(event: WebhookEvent) -> None:
        entered.set()
        await go.wait()
        taken.append("first")

    def other() -> WebhookApp:
        return WebhookApp(
            SECRET,
            on_event=lambda event: taken.append("other"),
            replays=guard,
            clock=lambda: now[0],
            acknowledge="after" if acknowledge == "after" else "first",
        )

    one = WebhookApp(SECRET, on_event=slow, replays=guard, clock=lambda: now[0], acknowledge="after")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(deliver, one, payload())
        await entered.wait()
        assert (await deliver(other(), payload())).status == 503
        go.set()
    assert (await deliver(other(), payload())).status == 200
    assert taken == ["first"]
    # A process that died holds its claim for a minute.
    dead = payload(event_id="evt_dead")
    for token in list(one._claims.tokens(verify(dead, signed(dead), SECRET, now=NOW), parse(dead))):
        assert await guard.claim(token, NOW + 60) is Claim.NEW
    assert (await deliver(other(), dead)).status == 503
    now[0] = NOW + 61
    assert (await deliver(other(), dead)).status == 200
    assert taken == ["first", "other"]


async def test_a_body_that_somebody_has_read_before() -> None:
    """A body that does not come is not waited for without end: 408, and a line that says what may have happened."""
    scope = {"type": "http", "method": "POST", "headers": []}
    sent: list[Any] = []

    async def nothing() -> Any:
        await anyio.sleep_forever()

    async def send(message: Any) -> None:
        sent.append(message)

    await WebhookApp(SECRET, body_timeout=0.001)(scope, nothing, send)
    assert sent[0]["status"] == 408


def test_a_handler_takes_the_event() -> None:
    """A function that cannot be called with the event alone is a mistake that is told at once."""
    with pytest.raises(UsageError, match="with the event alone"):
        WebhookApp(SECRET, on_event=lambda: None)  # type: ignore[misc, arg-type]
    with pytest.raises(UsageError, match="with the event alone"):
        WebhookApp(SECRET).on("order.completed")(lambda event, more: None)  # type: ignore[type-var]


async def test_a_timeout_of_the_secrets_is_no_slow_body(caplog: pytest.LogCaptureFixture) -> None:
    """What the callable that gives the secrets raises is its own failure, whatever it is."""

    def vault() -> str:
        raise TimeoutError("vault")

    assert (await deliver(WebhookApp(vault), payload())).status == 500
    assert "TimeoutError" in caplog.text


async def test_what_the_secrets_callable_gives_is_checked(caplog: pytest.LogCaptureFixture) -> None:
    """Where it gives none, the line in the log says what to do."""
    app = WebhookApp(lambda: None)  # type: ignore[arg-type, return-value]
    assert (await deliver(app, payload())).status == 500
    assert "secret" in caplog.text


@pytest.mark.parametrize("away", [False, True])
async def test_a_delivery_is_claimed_whole_or_not(away: bool) -> None:
    """If the second of two claims is refused, or the guard fails at it, the first is let go."""
    claimed: list[str] = []

    class Half:
        async def claim(self, token: str, expires_at: float) -> Claim:
            claimed.append(token)
            if len(claimed) == 2 and away:
                raise OSError
            return Claim.NEW if len(claimed) < 2 else Claim.DONE

        async def keep(self, token: str, expires_at: float) -> None:
            raise AssertionError(token)

        async def release(self, token: str) -> None:
            claimed.remove(token)

    answer = await deliver(receiver(replays=Half()), payload(), [*signed(payload()), ("x-webhook-id", "a")])
    assert answer.status == (503 if away else 200)
    assert len(claimed) == 1


# ------------------------------------------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    ("body", "headers", "status", "check"),
    [
        (payload(), [], 401, "signature-header"),
        (payload(), signed(b"other"), 401, "signature"),
        (payload(), signed(payload(), secret="guess"), 401, "signature"),
        (payload(), signed(payload(), NOW - 301), 401, "timestamp"),
        (payload(), signed(payload(), NOW + 301), 401, "timestamp"),
        (payload(), signed(payload(), "1e9"), 401, "timestamp-header"),
        (payload(), signed(payload())[:1], 401, "timestamp-header"),
        (payload(), signed(payload()) * 2, 401, "signature-header"),
        (
            payload(),
            [(b"x-webhook-signature", b"\xff\xfe"), (b"x-webhook-timestamp", b"\xff")],
            401,
            "timestamp-header",
        ),
        (payload()[:-1], signed(payload()), 401, "signature"),
        (payload()[:-1], signed(payload()[:-1]), 400, "payload"),
        (b"", signed(b""), 400, "payload"),
        (_TOO_LARGE_A_NUMBER, signed(_TOO_LARGE_A_NUMBER), 400, "payload"),
        (b"x" * 2001, signed(b"x" * 2001), 413, "size"),
        (payload(), [*signed(payload()), ("content-length", "2001")], 413, "size"),
        (payload(), [*signed(payload()), ("content-length", "9" * 5000)], 413, "size"),
    ],
)
async def test_refusals(body: bytes, headers: Any, status: int, check: str, caplog: pytest.LogCaptureFixture) -> None:
    """A refused delivery gets a status and an empty answer, one line in the log names the check; nobody hears of it."""
    taken: list[Any] = []
    answer = await deliver(receiver(taken.append, max_body=2000), body, headers)
    assert (answer.status, answer.body, taken) == (status, b"", [])
    lines = [record.getMessage() for record in caplog.records if record.name == "smmclient.webhooks"]
    assert lines == [f"refused a delivery: {check}"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "OPTIONS", "DELETE", "post"])
async def test_a_delivery_is_a_post(method: str) -> None:
    """Anything else is answered 405, with what is allowed."""
    answer = await deliver(receiver(), payload(), method=method)
    assert (answer.status, answer.headers[b"allow"]) == (405, b"POST")


async def test_a_body_in_parts() -> None:
    """A body is put together from its parts, empty ones too, and the size counts what came and not what was told."""
    taken: list[Any] = []
    app = receiver(taken.append, max_body=500)
    body = payload()
    parts = [b"", *(body[at : at + 7] for at in range(0, len(body), 7)), b""]
    assert (await deliver(app, parts)).status == 200
    assert (await deliver(app, [b"x" * 100] * 6, [("content-length", "5")])).status == 413
    assert (await deliver(app, body, [*signed(body), ("content-length", "-5")])).status == 200
    assert len(taken) == 1


async def test_who_hangs_up_halfway_leaves_nothing() -> None:
    """A body that ends before its end is not handled, even if what came is signed.

    It is answered, to nobody: what stands between may raise where there is no answer.
    """
    taken: list[Any] = []
    answer = await deliver(receiver(taken.append), [payload(), b""], is_cut=True)
    assert (answer.status, taken) == (400, [])


async def test_secrets_can_be_asked_for_each_time(caplog: pytest.LogCaptureFixture) -> None:
    """A callable gives the secrets that count now; if it fails, the answer is 500 and its words stay inside."""
    given: list[Any] = ["old", ["old", SECRET], RuntimeError(SECRET), ""]

    def secrets() -> Any:
        now = given.pop(0)
        if isinstance(now, Exception):
            raise now
        return now

    app = receiver(secrets=secrets)
    assert [(await deliver(app, payload())).status for _ in range(4)] == [401, 200, 500, 500]
    assert SECRET not in caplog.text


@pytest.mark.parametrize(
    "options",
    [
        {"secrets": ""},
        {"secrets": []},
        {"secrets": None},
        {"secrets": {"panel": SECRET}},
        {"secrets": iter([SECRET])},
        {"tolerance": float("inf")},
        {"max_body": 0},
        {"acknowledge": "never"},
        {"success": 302},
        {"remember": 0},
    ],
)
async def test_options_that_cannot_be(options: dict[str, Any]) -> None:
    """A receiver that could not work is refused when it is made."""
    with pytest.raises(UsageError):
        receiver(**options)


class _Fetching:
    """Asks for the secrets over a network."""

    async def __call__(self) -> str:
        """The secret, later."""
        return SECRET


@pytest.mark.parametrize("secrets", [_Fetching().__call__, _Fetching(), functools.partial(_Fetching().__call__)])
async def test_secrets_cannot_be_waited_for(secrets: Any) -> None:
    """An async callable is refused when the receiver is made, and not at each delivery."""
    with pytest.raises(UsageError, match="async function"):
        receiver(secrets=secrets)


async def test_secrets_that_turn_out_to_be_awaitable(caplog: pytest.LogCaptureFixture) -> None:
    """A plain callable that gives a coroutine is answered 500, and the coroutine is not left lying about."""
    app = receiver(secrets=lambda: _Fetching()())
    assert (await deliver(app, payload())).status == 500
    assert "could not look at a delivery: secrets must be" in caplog.text
    gc.collect()


@pytest.mark.parametrize("secrets", [[SECRET, f"{SECRET}\n"], [SECRET, 5], {"a": SECRET}, [SECRET]])
async def test_tracebacks_hold_no_secret(secrets: Any) -> None:
    """A receiver that cannot be made tells no secret to what collects errors with the values of their frames."""
    with pytest.raises(UsageError) as caught:
        WebhookApp(secrets, max_body=0 if secrets == [SECRET] else 1)
    frames = [frame for frame, _ in traceback.walk_tb(caught.value.__traceback__)]
    held = [repr(frame.f_locals) for frame in frames if "smmclient" in frame.f_globals["__name__"]]
    assert held
    assert SECRET not in "".join(held)


async def test_pushes_from_another_thread_are_told(caplog: pytest.LogCaptureFixture) -> None:
    """Who tracks on another thread reads in the log what to call; an error that is not ours is named only."""
    pushes, mailboxes = Pushes(), list[Any]()
    go, done = threading.Event(), threading.Event()

    def track() -> None:
        mailbox = pushes.subscribe({"ord_7"}, panel="main")
        mailboxes.append(mailbox)
        with mailbox.waking(lambda: None):
            done.set()
            go.wait(10)

    tracker = threading.Thread(target=track)
    tracker.start()
    assert done.wait(10)

    def other(event: WebhookEvent) -> None:
        raise UsageError(f"cannot take {event.id}")

    try:
        assert (await deliver(receiver(other, pushes=pushes), payload())).status == 200
    finally:
        go.set()
        tracker.join()
    lines = [record.getMessage() for record in caplog.records if record.name == "smmclient.webhooks"]
    assert len(lines) == 2
    assert lines[0].startswith("Pushes.publish failed: UsageError: ")
    assert "anyio.from_thread.run_sync(pushes.publish, event)" in lines[0]
    assert lines[1].endswith("failed: UsageError")
    assert not [one for one in ("ord_7", "evt_1", SECRET) if one in caplog.text]


async def test_the_secret_is_in_no_repr(caplog: pytest.LogCaptureFixture) -> None:
    """Neither the application nor its log shows it."""
    caplog.set_level(logging.DEBUG)
    app = receiver()
    await deliver(app, payload())
    await deliver(app, payload(), [])
    assert SECRET not in f"{app!r} {caplog.text}"
    assert signature(payload()) not in caplog.text


# ------------------------------------------------------------------------------------------------ where it is mounted


@pytest.mark.parametrize("framework", ["starlette", "fastapi", "alone"])
@pytest.mark.parametrize("scheme", [Scheme(), Scheme(encoding="base64")], ids=["ours", "other"])
async def test_mounted(framework: str, scheme: Scheme) -> None:
    """In Starlette, in FastAPI and by itself, under whatever path, it takes what is signed and nothing else."""
    taken: list[Any] = []
    app: Any = receiver(taken.append, scheme=scheme)
    if framework == "starlette":
        app = Starlette(routes=[Mount("/hooks/panel", app)])
    elif framework == "fastapi":
        whole = FastAPI()
        whole.mount("/hooks/panel", app)
        app = whole
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        url = "/hooks/panel/"
        right = await client.post(url, content=payload(), headers=dict(signed(payload())))
        assert right.status_code == (200 if scheme.encoding == "hex" else 401)
        assert (await client.post(url, content=payload())).status_code == 401
        assert (await client.get(url)).status_code == 405
    assert len(taken) == (1 if scheme.encoding == "hex" else 0)


async def _ask(app: Any, kind: str, messages: list[str]) -> list[str]:
    sent: list[str] = []

    async def receive() -> dict[str, str]:
        return {"type": messages.pop(0)}

    async def send(message: Any) -> None:
        sent.append(message["type"])

    call: Awaitable[None] = app({"type": kind}, receive, send)
    await call
    return sent


async def test_alone_under_a_server() -> None:
    """It answers a server's start and stop, turns websockets away, and is no application for anything else."""
    app = receiver()
    started = await _ask(app, "lifespan", ["lifespan.startup", "lifespan.shutdown"])
    assert started == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert await _ask(app, "websocket", ["websocket.connect"]) == ["websocket.close"]
    with pytest.raises(UsageError, match="speaks HTTP"):
        await _ask(app, "gopher", [])
