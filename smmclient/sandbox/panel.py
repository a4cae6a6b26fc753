"""One panel: form in, reply out. Engine, dialect, limits and faults in the order a real panel has them."""

from collections import Counter, deque
from collections.abc import Mapping
from decimal import Decimal
from enum import Enum

import msgspec
from attrs import evolve, field, frozen

from .dialects import Dialect
from .dialects.forms import Call
from .engine import Engine
from .faults import Fault, Faults, Shape
from .happenings import Happening
from .limits import Limiter, Limits, Verdict, is_denied, limit_headers
from .strikes import Mishap
from .values import Order, Reason, Refusal
from .webhooks.faults import WebhookFault
from .webhooks.hooks import Hooks
from .webhooks.letters import Writer
from .webhooks.outbox import Outbox
from .webhooks.rules import WebhookRules

OWNER = "owner"
"""The account that every key of a sandbox acts for."""

_PLAIN = ("content-type", "text/plain; charset=utf-8")
_HTML = ("content-type", "text/html; charset=UTF-8")
_LOG_LENGTH = 10_000
_PAGE = b"<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>Please wait.</body></html>"
_WARNING = b'<br />\n<b>Warning</b>:  Undefined array key "a" in <b>/home/panel/api.php</b> on line <b>12</b><br />\n'
_TIMEOUT_PAGE = b"<html><body><h1>504 Gateway Time-out</h1></body></html>"
_GATEWAY_PAGE = (
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"
    b"<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n"
)

Headers = tuple[tuple[str, str], ...]


class Ending(Enum):
    """How much of the reply reaches the customer."""

    WHOLE = "whole"
    HALF = "half"
    NOTHING = "nothing"


@frozen(kw_only=True)
class Reply:
    """What goes back, when, and how much of it."""

    status: int
    headers: Headers
    body: bytes = field(repr=False)
    delay: float = 0.0
    ending: Ending = Ending.WHOLE


@frozen(kw_only=True)
class Request:
    """One line of the log. The form is without the key; the status is None where no reply was sent."""

    at: float
    action: str
    status: int | None
    form: Mapping[str, str]
    fault: Fault | None = None
    carried_cookie: bool = False


class Panel:
    """A panel without a network: give it forms and the time."""

    def __init__(
        self,
        dialect: Dialect,
        *,
        api_key: str,
        balance: Decimal,
        discount: int = 0,
        seed: int = 0,
        seconds_to_finish: float = 3.0,
        troubled: float = 0.1,
        coupons: Mapping[str, int] | None = None,
        limits: Limits | None = None,
        latency: float = 0.0,
        jitter: float = 0.0,
        webhooks: WebhookRules | None = None,
    ) -> None:
        self.dialect = dialect
        webhooks = webhooks or WebhookRules()
        hooks = Hooks(webhooks.signing, seed=seed, is_local=webhooks.is_local)
        self.outbox = Outbox(hooks, retries=webhooks.retries, seed=seed)
        self.outbox.faults.scatter(webhooks.faults, list(WebhookFault))
        self.writer = Writer(webhooks.signing, payload=webhooks.payload, describe=self._describe)
        self.engine = Engine(
            dialect.catalog(),
            order_id=dialect.order_id,
            refill_id=dialect.refill_id,
            seed=seed,
            seconds_to_finish=seconds_to_finish,
            troubled=troubled,
            refills_per_order=dialect.refills_per_order,
            coupons=coupons,
            smallest=dialect.smallest,
            surplus=dialect.surplus,
            one_order_a_link=dialect.one_order_a_link,
            balance_low=webhooks.balance_low,
            tell=self.outbox.put,
        )
        self.engine.open_account(OWNER, balance=balance, discount=discount)
        self.engine.issue_key(OWNER, api_key)
        self.faults = Faults(seed=seed, latency=latency, jitter=jitter)
        self.requests: deque[Request] = deque(maxlen=_LOG_LENGTH)
        self.counts: Counter[tuple[str, int | None]] = Counter()
        self._limiter = Limiter(dialect.limits if limits is None else limits)
        self._encode = msgspec.json.Encoder(decimal_format="number").encode
        self._kind = ("content-type", dialect.content_type)

    def handle(self, form: Mapping[str, str], *, address: str, now: float, carried_cookie: bool = False) -> Reply:
        """Return the reply to a form post."""
        action = form.get("action", "").strip()
        mishap = self.faults.draw(action)
        if mishap is not None and not mishap.fault.acts:
            # It never reached the panel: neither the books nor the limits know of it.
            reply = self._spoil(mishap, Reply(status=200, headers=(), body=b""), now)
        else:
            reply = self._answer(action, form, address, now)
            if mishap is not None:
                reply = self._spoil(mishap, reply, now)
        status = None if reply.ending is Ending.NOTHING else reply.status
        self.counts[action, status] += 1
        self.requests.append(
            Request(
                at=now,
                action=action,
                status=status,
                form={name: value for name, value in form.items() if name != "key"},
                fault=None if mishap is None else mishap.fault,
                carried_cookie=carried_cookie,
            )
        )
        return reply

    def refuse(self, reason: Reason, *, now: float) -> Reply:
        """Return the reply to something that is no form post at all."""
        status, body = self.dialect.refuse(Refusal(reason))
        self.counts["", status] += 1
        self.requests.append(Request(at=now, action="", status=status, form={}))
        return self._json(status, body)

    def _answer(self, action: str, form: Mapping[str, str], address: str, now: float) -> Reply:
        verdicts: list[Verdict] = []
        try:
            body = self._act(action, form, address, now, verdicts)
            status = self.dialect.success.get(action, 200)
        except Refusal as refusal:
            status, body = self.dialect.refuse(refusal)
        pause = self._pause() if is_denied(verdicts) else ()
        return self._json(status, body, limit_headers(verdicts) + pause)

    def _act(self, action: str, form: Mapping[str, str], address: str, now: float, verdicts: list[Verdict]) -> object:
        """Return the body of a success; note what each limit said on the way."""
        verdicts += self._limiter.admit_address(address, now=now)
        if is_denied(verdicts):
            raise Refusal(Reason.RATE_LIMITED)
        key = form.get("key", "").strip()
        account = self.engine.authenticate(key)
        verdicts += self._limiter.admit_key(key, account, now=now)
        if is_denied(verdicts):
            raise Refusal(Reason.RATE_LIMITED)
        if self.engine.account(account, now=now).is_suspended:
            raise Refusal(Reason.SUSPENDED)
        if not action:
            raise Refusal(Reason.MISSING, field="action")
        handler = self.dialect.actions.get(action)
        if handler is None:
            raise Refusal(Reason.UNKNOWN_ACTION, field="action")
        return handler(Call(engine=self.engine, outbox=self.outbox, account=account, form=form, now=now))

    def _describe(self, happening: Happening) -> dict[str, object]:
        """Return what a delivery says of it, in the shapes of the panel's replies."""
        about = happening.about
        if isinstance(about, Order):
            return {"order": self.dialect.shown_id(about.id), **self.dialect.status_row(about, happening.at)}
        return {"balance": self.dialect.amount(about), "currency": self.dialect.currency}

    def _json(self, status: int, body: object, headers: Headers = ()) -> Reply:
        return Reply(status=status, headers=(self._kind, *headers), body=self._encode(body), delay=self.faults.delay())

    def _spoil(self, mishap: Mishap[Fault], reply: Reply, now: float) -> Reply:
        """Return what the customer sees of the reply that the panel gave, or would have given."""

        def instead(status: int, kind: tuple[str, str], body: bytes, *more: tuple[str, str]) -> Reply:
            return Reply(status=status, headers=(kind, *more), body=body, delay=self.faults.delay())

        match mishap.fault.shape:
            case Shape.DROP:
                return Reply(status=0, headers=(), body=b"", delay=reply.delay, ending=Ending.NOTHING)
            case Shape.LATE:
                return evolve(reply, delay=reply.delay + mishap.seconds)
            case Shape.BAD_GATEWAY if self.dialect.gateway_words is not None:
                return self._json(502, dict(self.dialect.gateway_words))
            case Shape.BAD_GATEWAY | Shape.GATEWAY_PAGE:
                return instead(502, _HTML, _GATEWAY_PAGE)
            case Shape.SERVER_ERROR:
                return self._json(*self.dialect.refuse(Refusal(Reason.SERVER_ERROR)))
            case Shape.TOO_MANY:
                status, body = self.dialect.refuse(Refusal(Reason.RATE_LIMITED))
                return self._json(status, body, self._full(now + mishap.seconds) + self._pause())
            case Shape.PAGE:
                return instead(200, _HTML, _PAGE)
            case Shape.EMPTY:
                return instead(200, self._kind, b"")
            case Shape.CUT_BODY:
                return evolve(reply, body=reply.body[: len(reply.body) // 2])
            case Shape.CUT_CONNECTION:
                return evolve(reply, ending=Ending.HALF)
            case Shape.TIMEOUT_PAGE:
                return instead(504, _HTML, _TIMEOUT_PAGE)
            case Shape.WARNING:
                return evolve(reply, headers=(_HTML, *reply.headers[1:]), body=_WARNING + reply.body)
            case Shape.PLAIN_TEXT:
                return evolve(reply, headers=(_PLAIN, *reply.headers[1:]))

    def _pause(self) -> Headers:
        """Return the header that asks for a pause, on panels that have one."""
        seconds = self.dialect.retry_after
        return () if seconds is None else (("Retry-After", str(seconds)),)

    def _full(self, resets_at: float) -> Headers:
        """Return the headers of a key without room until that moment; none on a panel without limits."""
        limit = self._limiter.nearest
        if limit is None:
            return ()
        return limit_headers(
            [Verdict(kind="key", is_allowed=False, limit=limit.rate, remaining=0, resets_at=resets_at)]
        )
