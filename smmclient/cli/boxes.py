"""``smm sandbox``: a panel in a box in the foreground, and what it has done at the end."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING

from smmclient.cli.outcome import CallError
from smmclient.cli.output import Out
from smmclient.cli.panels import import_sandbox
from smmclient.cli.webhook.lines import counted
from smmclient.registry import env_name

if TYPE_CHECKING:
    from smmclient.sandbox import Sandbox

__all__ = ["done_by", "run_sandbox"]


def run_sandbox(
    out: Out,
    panel: str,
    *,
    flavour: str | None,
    host: str,
    port: int,
    balance: Decimal | None,
    faults: float,
    webhook_faults: float,
) -> int:
    """Run a panel in a box until Ctrl-C; tell how to call it once it listens, and what it did at the end."""
    import_sandbox()
    from smmclient.sandbox import Options, run

    boxes: list[Sandbox] = []

    def ready(box: Sandbox) -> None:
        boxes.append(box)
        if out.json:
            out.write_json({"panel": panel, "base_url": box.base_url, "api_key": box.api_key})
            return
        spoken = f"{panel} ({flavour})" if flavour else panel
        out.line(f"{spoken} in a box, with {box.balance:f} {box.currency} of play money, until Ctrl-C:")
        out.line(f"  export {env_name(panel)}={box.api_key}")
        out.line(f"  smm services --panel {panel} --base-url {box.base_url}")

    options: Options = {"faults": faults, "webhook_faults": webhook_faults}
    if flavour is not None:
        options["flavour"] = flavour
    if balance is not None:
        options["balance"] = balance
    try:
        run(panel, host=host, port=port, ready=ready, **options)
    except (ValueError, OverflowError) as error:
        raise CallError(str(error), hint="`smm sandbox --help` shows the options") from error
    except OSError as error:
        raise CallError(
            f"{host} port {port} cannot be listened on: {error.strerror or error}",
            hint="give another --port; 0 takes a free one",
        ) from error
    for box in boxes:
        # On stderr: under --json stdout is one document.
        out.note(f"smm: stopped; {done_by(box)}")
    return 0


def done_by(box: Sandbox) -> str:
    """What came to the box, what it made of that, and what became of the events that it pushed.

    An event counts once for each webhook that it was for, and not among those sent where it was lost on purpose.
    """
    done = f"{counted(box.count(), 'request')}, {counted(len(box.orders), 'order')}"
    deliveries = box.webhooks.deliveries
    if not deliveries:
        return done
    outcomes = Counter(one.outcome.value for one in deliveries)
    told = {
        "delivered": outcomes.pop("delivered", 0),
        "lost": outcomes.pop("lost", 0),
        "forged": sum(one.fault == "forge" for one in deliveries),
        "given up": outcomes.pop("given up", 0),
        # Still waiting, or of an endpoint that is gone or elsewhere: where there are any.
        **outcomes,
    }
    sent = counted(sum(bool(one.attempts) for one in deliveries), "event")
    return f"{done}; webhooks: {sent} sent, " + ", ".join(f"{count} {what}" for what, count in told.items())
