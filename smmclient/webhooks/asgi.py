"""The receiver: an ASGI application that verifies, reads and hands on each delivery once. No web framework is needed.

Rules: nothing is told to who cannot sign; what is handled has been claimed before; who could not handle it lets go of
the claim; no delivery raises into the server; one line in the log for what is refused, with the check that it failed.
"""

from __future__ import annotations

import inspect
import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeVar

import anyio
from attrs import define

from smmclient.errors import UsageError, WebhookRejected
from smmclient.webhooks.bodies import BODY_TIMEOUT, MAX_BODY, STATUSES, Gone, Message, Receive, Send, read_body
from smmclient.webhooks.claims import Claims
from smmclient.webhooks.keys import Secrets, keys_of
from smmclient.webhooks.payload import WebhookEvent, parse
from smmclient.webhooks.pushes import Pushes
from smmclient.webhooks.replays import Claim, MemoryReplays, ReplayGuard
from smmclient.webhooks.scheme import Scheme
from smmclient.webhooks.signing import Verified, check_tolerance, verify, without_arguments

__all__ = ["Handler", "WebhookApp"]

Handler = Callable[[Any], object]
_Handler = TypeVar("_Handler", bound=Handler)

_OURS = Scheme()
_log = logging.getLogger("smmclient.webhooks")


@define(eq=False)
class _Running:
    """A delivery that is being handled; its repeats wait for how it ends."""

    is_handled: bool = False
    #: Whether the panel was told that it arrived, which is not taken back.
    is_answered: bool = False
    #: Made by the first repeat that waits: nearly always there is none.
    is_over: anyio.Event | None = None


class WebhookApp:
    """An ASGI 3 application that receives a panel's events: mount it, or run it by itself.

    ``secrets`` are those that the panel showed, several while they are rotated, or a callable that gives them for each
    delivery. Every verified event goes to ``pushes``, to ``on_event`` and to the handlers of its name (`on`), which are
    plain or async functions; a plain one runs on the event loop, so it must be quick.

    ``acknowledge="first"`` answers before the handlers run: the panel never waits, and hears nothing of their failures.
    ``"after"`` answers when they are done, with 500 if one raised, so that a panel that repeats will repeat.
    Once one has failed, a repeat goes to all of them again, so let them take an event twice.

    A body that is not whole after ``body_timeout`` seconds is answered 408: something in front may have read it.
    ``remember`` is for how many seconds an event's id is known, whatever its signature; ``success`` the status of
    a good answer. Both are ours: how often, how long and upon what a panel repeats is UNKNOWN.
    """

    @without_arguments
    def __init__(
        self,
        secrets: Secrets | Callable[[], Secrets],
        *,
        on_event: Handler | None = None,
        pushes: Pushes | None = None,
        scheme: Scheme = _OURS,
        tolerance: float = 300,
        replays: ReplayGuard | None = None,
        max_body: int = MAX_BODY,
        body_timeout: float = BODY_TIMEOUT,
        acknowledge: Literal["first", "after"] = "first",
        remember: float = 86_400,
        success: int = 200,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if acknowledge not in ("first", "after"):
            raise UsageError(f"acknowledge: it must be 'first' or 'after', not {acknowledge!r}")
        if not 200 <= success < 300:
            raise UsageError(f"success: it must be a status from 200 to 299, not {success!r}")
        if isinstance(max_body, bool) or not isinstance(max_body, int) or max_body < 1:
            raise UsageError(f"max_body: it must be how many bytes a delivery may have, not {max_body!r}")
        if not 0 < remember < math.inf:
            raise UsageError(f"remember: it must be seconds, more than 0, not {remember!r}")
        if not 0 < body_timeout < math.inf:
            raise UsageError(f"body_timeout: it must be seconds, more than 0, not {body_timeout!r}")
        check_tolerance(tolerance)
        self._scheme = scheme
        self._body_timeout = body_timeout
        if not callable(secrets):
            keys_of(secrets, self._scheme)
        elif _is_async(secrets):
            raise UsageError(
                "secrets: an async function cannot give them; fetch them beforehand, and give a plain function that "
                "returns those that are known by then"
            )
        self._secrets = secrets
        self._tolerance, self._max_body, self._success = tolerance, max_body, success
        self._is_first = acknowledge == "first"
        self._clock = clock
        guard = MemoryReplays(clock=clock) if replays is None else replays
        self._claims = Claims(guard, scheme=scheme, tolerance=tolerance, remember=remember, clock=clock)
        self._handlers: list[tuple[str | None, Handler]] = []
        self._running: dict[str, _Running] = {}
        if pushes is not None:
            self._handlers.append((None, pushes.publish))
        if on_event is not None:
            self._handlers.append((None, _checked(on_event)))

    def on(self, name: str) -> Callable[[_Handler], _Handler]:
        """A decorator: the function is called with each event of that name."""

        def add(handler: _Handler) -> _Handler:
            self._handlers.append((name, _checked(handler)))
            return handler

        return add

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one connection of an ASGI server."""
        if scope["type"] == "http":
            await self._serve(scope, receive, send)
        elif scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1000})
        else:
            raise UsageError(f"WebhookApp speaks HTTP, not {scope['type']}")

    # ------------------------------------------------------------------------------------------------ one delivery

    async def _serve(self, scope: Message, receive: Receive, send: Send) -> None:
        try:
            self._check_head(scope)
            body = await read_body(receive, most=self._max_body, timeout=self._body_timeout)
            verified, event = self._read(body, scope["headers"])
        except Gone:
            # Nobody hears it, but what stands between may wait for an answer.
            await _answer(send, 400)
            return
        except UsageError as error:
            # Of what gives the secrets; our words hold none.
            _log.error("could not look at a delivery: %s", error)
            await _answer(send, 500)
            return
        except WebhookRejected as error:
            _log.warning("refused a delivery: %s", error.check)
            await _answer(send, STATUSES.get(error.check, 401))
            return
        except Exception as error:
            # The secrets' callable, in all likelihood. Its words may hold one.
            _log.error("could not look at a delivery: %s", type(error).__name__)
            await _answer(send, 500)
            return
        await self._take(verified, event, send)

    def _check_head(self, scope: Message) -> None:
        """Refuse what need not be read."""
        if scope["method"] != "POST":
            raise WebhookRejected("a delivery is a POST", check="method")
        for name, value in scope["headers"]:
            if name.lower() == b"content-length" and value.isdigit() and int(value[:20]) > self._max_body:
                raise WebhookRejected("it is too large", check="size")

    def _read(self, body: bytes, headers: Sequence[tuple[bytes, bytes]]) -> tuple[Verified, WebhookEvent]:
        secrets = self._secrets() if callable(self._secrets) else self._secrets
        if inspect.iscoroutine(secrets):
            # It is no secret, as `verify` will say; and nobody is going to await it.
            secrets.close()
        verified = verify(body, headers, secrets, scheme=self._scheme, now=self._clock(), tolerance=self._tolerance)
        return verified, parse(body, scheme=self._scheme, verified=verified)

    async def _take(self, verified: Verified, event: WebhookEvent, send: Send) -> None:
        """Answer and handle a delivery that is the panel's; once, however often it comes."""
        tokens = self._claims.tokens(verified, event)
        if (other := next((self._running[one] for one in tokens if one in self._running), None)) is not None:
            await self._repeat(other, send)
            return
        running = _Running()
        self._running.update(dict.fromkeys(tokens, running))
        try:
            await self._once(tokens, event, running, send)
        finally:
            for one in tokens:
                del self._running[one]
            if running.is_over is not None:
                running.is_over.set()

    async def _repeat(self, other: _Running, send: Send) -> None:
        """Answer a repeat of what is being handled as the first is answered: it must not be taken for done before."""
        if not other.is_answered:
            other.is_over = other.is_over or anyio.Event()
            await other.is_over.wait()
        await _answer(send, self._success if other.is_answered or other.is_handled else 500)

    async def _once(self, tokens: Mapping[str, float], event: WebhookEvent, running: _Running, send: Send) -> None:
        try:
            claimed = await self._claims.take(tokens)
        except Exception as error:
            _log.error("the replay guard failed: %s", type(error).__name__)
            await _answer(send, 503)
            return
        if claimed is not Claim.NEW:
            # Another process may be at it, or have died at it: nobody knows yet, so it has to come again.
            running.is_handled = claimed is Claim.DONE
            await _answer(send, self._success if running.is_handled else 503)
            return
        try:
            if self._is_first:
                running.is_answered = True
                await _answer(send, self._success)
            running.is_handled = await self._handle(event)
        finally:
            # Also when it is cancelled: a claim that stays would turn the panel's repeat away.
            with anyio.CancelScope(shield=True):
                await self._settle(tokens, is_handled=running.is_handled)
        if not self._is_first:
            await _answer(send, self._success if running.is_handled else 500)

    async def _settle(self, tokens: Mapping[str, float], *, is_handled: bool) -> None:
        try:
            await (self._claims.keep(tokens) if is_handled else self._claims.release(tokens))
        except Exception as error:
            _log.error("the replay guard failed: %s", type(error).__name__)

    async def _handle(self, event: WebhookEvent) -> bool:
        """Whether all handlers took the event; one that fails keeps it from none of the others."""
        is_handled = True
        for name, handler in tuple(self._handlers):
            if name is not None and name != event.name:
                continue
            try:
                outcome = handler(event)
                if inspect.isawaitable(outcome):
                    await outcome
            except Exception as error:
                # Neither its words nor its traceback: they may hold what the event does. Our own words do not.
                is_handled = False
                is_ours = isinstance(error, UsageError) and getattr(handler, "__func__", None) is Pushes.publish
                told = f"{type(error).__name__}: {error}" if is_ours else type(error).__name__
                _log.error("%s failed: %s", _name_of(handler), told)
        return is_handled


def _checked(handler: Handler) -> Handler:
    try:
        inspect.signature(handler).bind(None)
    except TypeError:
        raise UsageError(f"{_name_of(handler)} must be a function that can be called with the event alone") from None
    except ValueError:
        # Some built-in functions do not tell what they take.
        pass
    return handler


def _is_async(call: Callable[[], object]) -> bool:
    return any(inspect.iscoroutinefunction(one) for one in (call, getattr(call, "__call__", None)))  # noqa: B004


def _name_of(handler: Handler) -> str:
    return getattr(handler, "__qualname__", None) or type(handler).__qualname__


async def _answer(send: Send, status: int) -> None:
    headers = [(b"content-length", b"0")] if status != 204 else []
    if status == 405:
        headers.append((b"allow", b"POST"))
    try:
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
    except Exception as error:
        # It hung up before the answer, which servers say in many ways; what it sent is handled all the same.
        _log.debug("the answer could not be sent: %s", type(error).__name__)


async def _live(receive: Receive, send: Send) -> None:
    while True:
        kind = (await receive())["type"]
        await send({"type": f"{kind}.complete"})
        if kind == "lifespan.shutdown":
            return
