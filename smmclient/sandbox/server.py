"""Runs a panel on this machine: in a thread for a test, in the foreground for the command line."""

import ipaddress
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, TypedDict, Unpack

from .app import App
from .dialects import Dialect, find_dialect
from .limits import Limits
from .panel import Panel
from .sandbox import Sandbox
from .webhooks import Signing, WebhookRules
from .webhooks.rules import RETRIES

if TYPE_CHECKING:
    from .listener import Listener

API_KEY = "sandbox-key-0000"


class Options(TypedDict, total=False):
    """What `serve` and `run` may be told about the panel."""

    api_key: str
    """The key that is accepted; "sandbox-key-0000" if not given."""
    flavour: str
    """Which family of panels a v2 stands for, one of FLAVOURS; "perfectpanel" if not given."""
    balance: Decimal | int | str
    """What is in the account at the start; 100 if not given, or the like in the panel's currency."""
    faults: float
    """The share of all requests, 0 to 1, that is dropped, or gets a 5xx or HTML, done or not; 0 if not given."""
    discount: int
    """Percent off every price."""
    coupons: Mapping[str, int]
    """Coupon codes and their percent off; none if not given."""
    seed: int
    """The same seed gives the same speeds, fates and faults; 0 if not given."""
    seconds_to_finish: float
    """About how long an order takes; 3 if not given, 0 for at once."""
    troubled: float
    """The part of the orders that ends Partial or Canceled; 0.1 if not given."""
    limits: Limits
    """Rate limits in place of the panel's own; Limits() for none."""
    latency: float
    """Seconds that every reply takes; 0 if not given."""
    jitter: float
    """Up to so many seconds more; 0 if not given."""
    clock: Callable[[], float]
    """Where the time comes from, in unix seconds; the real one if not given. Delays always take real time.

    Webhooks are then delivered by `sandbox.webhooks.deliver_due()` alone, because nobody says when the clock is turned.
    """
    http: Literal["auto", "httptools", "h11"]
    """Which of uvicorn's parsers reads requests."""
    expose: bool
    """Allow a host that other machines can reach."""
    local_webhooks: bool
    """Take webhooks on this machine alone, over http too, and deliver to them; True if not given, False if exposed.

    False takes what the panel documents, https to public hosts, and delivers nothing: a sandbox never calls out.
    """
    webhook_faults: float
    """The share of all deliveries, 0 to 1, that goes wrong in one of the ways of WebhookFault; 0 if not given."""
    webhook_signing: Signing
    """How deliveries are signed; Signing() if not given, which is ours: the panel's way is not documented."""
    webhook_payload: Literal["full", "bare"]
    """Whether a delivery carries the order's row or its id alone; "full" if not given."""
    webhook_retries: Sequence[float]
    """The pauses before a delivery that was not answered with 2xx is repeated; 1, 2, 4, 8 and 16 s if not given."""
    balance_low: Decimal | int | str
    """What the balance falls below when balance.low is sent; 5 USD, or the like, if not given."""


def serve(
    panel: str | Dialect = "notpanel", *, host: str = "127.0.0.1", port: int = 0, **options: Unpack[Options]
) -> AbstractContextManager[Sandbox]:
    """Return a context manager that runs the panel in a thread of its own and yields its handle.

    The port is bound when the body starts, and free again when it has ended. Raises ImportError without uvicorn,
    ValueError for an unknown panel, flavour or a host that is not loopback. The options, which `Options` tells more of:

    * api_key: the key that is accepted;
    * flavour: which family of panels a v2 stands for, one of FLAVOURS;
    * balance: what is in the account at the start;
    * faults: the share of all requests, 0 to 1, that goes wrong, done or not;
    * discount: percent off every price;
    * coupons: codes, and their percent off;
    * seed: the same one gives the same speeds, fates and faults;
    * seconds_to_finish: about how long an order takes, 0 for at once;
    * troubled: the part of the orders, 0 to 1, that ends Partial or Canceled;
    * limits: rate limits in place of the panel's own, Limits() for none;
    * latency: seconds that every reply takes;
    * jitter: up to so many seconds more;
    * clock: a function that gives unix seconds; webhooks are then sent by `sandbox.webhooks.deliver_due()` alone;
    * http: which of uvicorn's parsers reads requests;
    * expose: True allows a host that other machines can reach;
    * local_webhooks: whether webhooks go to this machine, over http too; if not, none is delivered;
    * webhook_faults: the share of all deliveries, 0 to 1, that goes wrong;
    * webhook_signing: how deliveries are signed, a `Signing`, as in the second example;
    * webhook_payload: "full" carries the order's row, "bare" its id alone;
    * webhook_retries: the pauses, in seconds, before a delivery that was not answered with 2xx is repeated;
    * balance_low: what the balance falls below when balance.low is sent.

    >>> with serve("notpanel", balance=50) as sandbox:
    ...     sandbox.balance
    Decimal('50')

    A panel that pushes as Standard Webhooks have it, to try a receiver against another way than ours:

    >>> signing = Signing(
    ...     signature_header="webhook-signature", timestamp_header="webhook-timestamp", id_header="webhook-id",
    ...     signed="{id}.{timestamp}.{body}", prefix="v1,", encoding="base64", secret="whsec",
    ... )
    >>> with serve("notpanel", webhook_signing=signing) as sandbox:
    ...     sandbox.webhooks.register("http://127.0.0.1:8787/").secret[:6]
    'whsec_'
    """
    _check_names(options)
    dialect = find_dialect(panel, options.pop("flavour", None))
    _check_share(options)
    if not options.get("expose", False) and not _is_loopback(host):
        raise ValueError(f"{host!r} can be reached from other machines: pass expose=True if that is meant")
    return _running(dialect, host, port, options, _listener_class())


def run(
    panel: str | Dialect = "notpanel",
    *,
    host: str = "127.0.0.1",
    port: int = 8080,
    ready: Callable[[Sandbox], None] | None = None,
    **options: Unpack[Options],
) -> None:
    """Run the panel in the foreground until Ctrl-C, printing nothing; call ready once it listens."""
    try:
        with serve(panel, host=host, port=port, **options) as sandbox:
            if ready is not None:
                ready(sandbox)
            # Waited for in pieces: an endless wait cannot be interrupted on Windows.
            while True:
                time.sleep(0.5)
    except KeyboardInterrupt:
        return


@contextmanager
def _running(
    dialect: Dialect, host: str, port: int, options: Options, listener_class: "type[Listener]"
) -> Iterator[Sandbox]:
    with _bind(host, port) as sock:
        sandbox = build(dialect, base_url=_url(sock, dialect.path), options=options)
        app = App(dialect.path, handle=sandbox.handle, refuse=sandbox.refuse)
        listener = listener_class(app, sock, http=options.get("http", "auto"))
        # With a clock of the caller's, nobody would say here when something is due.
        sending = nullcontext() if options.get("clock") else sandbox.webhooks.in_background()
        with sending, listener.running(name=f"sandbox-{dialect.name}"):
            yield sandbox


def build(dialect: Dialect, *, base_url: str, options: Options) -> Sandbox:
    """Return the panel's handle without a server: for those who bring their own."""
    _check_names(options)
    if "flavour" in options:
        raise TypeError("a dialect has its flavour: pass find_dialect(panel, flavour) instead of the option")
    api_key = options.get("api_key", API_KEY)
    panel = Panel(
        dialect,
        api_key=api_key,
        balance=Decimal(options.get("balance", dialect.opening_balance)),
        discount=options.get("discount", 0),
        seed=options.get("seed", 0),
        seconds_to_finish=options.get("seconds_to_finish", 3.0),
        troubled=options.get("troubled", 0.1),
        coupons=options.get("coupons"),
        limits=options.get("limits"),
        latency=options.get("latency", 0.0),
        jitter=options.get("jitter", 0.0),
        webhooks=_webhook_rules(dialect, options),
    )
    panel.faults.scatter(_check_share(options))
    clock = options.get("clock") or _steady_clock()
    return Sandbox(panel, clock=clock, api_key=api_key, base_url=base_url)


def _webhook_rules(dialect: Dialect, options: Options) -> WebhookRules:
    faults = options.get("webhook_faults", 0.0)
    if faults and "webhook.add" not in dialect.actions:
        raise ValueError(f"webhook_faults is {faults}, but {dialect.name} has no webhooks: notpanel has")
    return WebhookRules(
        signing=options.get("webhook_signing", Signing()),
        payload=options.get("webhook_payload", "full"),
        retries=options.get("webhook_retries", RETRIES),
        # Who reaches an exposed sandbox could have it post to whatever listens on this machine.
        is_local=options.get("local_webhooks", not options.get("expose", False)),
        balance_low=Decimal(options.get("balance_low", 5 * dialect.exchange)),
        faults=faults,
    )


def _check_share(options: Options) -> float:
    if not 0 <= (share := options.get("faults", 0.0)) <= 1:
        raise ValueError(f"faults is {share}: a share lies between 0 and 1")
    return share


def _check_names(options: Options) -> None:
    if unknown := sorted(options.keys() - Options.__annotations__.keys()):
        raise TypeError(f"no option {', '.join(unknown)}: there are {', '.join(sorted(Options.__annotations__))}")


def _listener_class() -> "type[Listener]":
    try:
        from .listener import Listener
    except ImportError as missing:
        raise ImportError('the sandbox needs uvicorn: pip install "smmclient[sandbox]"') from missing
    return Listener


def _steady_clock() -> Callable[[], float]:
    """Return a clock of unix seconds that no correction of the machine's time can turn back."""
    offset = time.time() - time.monotonic()
    return lambda: offset + time.monotonic()


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, or asyncio does not turn Nagle's algorithm off for the connections: headers and
    # body are two writes, and every reply on a kept connection would take 40 ms.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock


def _url(sock: socket.socket, path: str) -> str:
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}{path}" if ":" in host else f"http://{host}:{port}{path}"
