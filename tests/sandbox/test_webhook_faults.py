"""What can go wrong with deliveries, on demand: one by one, and as a share of all."""

from collections import Counter
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from sandbox_receiver import ADD, LONG, Receiver, answer
from smmclient.cli import main
from smmclient.sandbox import Limits, Outcome, Sandbox, WebhookFault

OpenBox = Callable[..., Sandbox]
Ask = Callable[..., tuple[int, Any]]
Finish = Callable[..., str]


def test_lose(open_box: OpenBox, finish: Finish, receiver: Receiver) -> None:
    """A lost delivery never comes; the next one does."""
    box = open_box("notpanel")
    box.webhooks.register(receiver.url)
    box.webhooks.fault("lose")
    finish(box)
    second = finish(box)
    assert [post.content["data"]["order"] for post in receiver.posts] == [second]
    lost, _ = box.webhooks.deliveries
    assert (lost.fault, lost.outcome, lost.attempts) == (WebhookFault.LOSE, Outcome.LOST, ())


def test_duplicate(open_box: OpenBox, finish: Finish, receiver: Receiver, clock: SimpleNamespace) -> None:
    """It comes again: the same id and body, another timestamp and signature."""
    box = open_box("notpanel")
    hook = box.webhooks.register(receiver.url)
    box.webhooks.fault("duplicate", seconds=7)
    finish(box)
    assert len(receiver.posts) == 1
    clock.now += 7
    box.webhooks.deliver_due()
    first, second = receiver.posts
    assert (first.body, first.headers["x-webhook-id"]) == (second.body, second.headers["x-webhook-id"])
    assert first.headers["x-webhook-signature"] != second.headers["x-webhook-signature"]
    assert second.is_signed_with(hook.secret)
    assert [attempt.fault for attempt in box.webhooks.deliveries[0].attempts] == [None, WebhookFault.DUPLICATE]


def test_replay(open_box: OpenBox, finish: Finish, receiver: Receiver, clock: SimpleNamespace) -> None:
    """The same bytes come again later, headers and all; being refused, they are not repeated."""
    box = open_box("notpanel")
    box.webhooks.register(receiver.url)
    box.webhooks.fault(WebhookFault.REPLAY, seconds=600)
    finish(box)
    receiver.script = [answer(401)]
    clock.now += 600
    box.webhooks.deliver_due()
    clock.now += LONG
    box.webhooks.deliver_due()
    first, second = receiver.posts
    assert (first.body, first.headers) == (second.body, second.headers)
    assert int(second.headers["x-webhook-timestamp"]) <= clock.now - 600
    assert box.webhooks.deliveries[0].outcome is Outcome.DELIVERED


@pytest.mark.parametrize("status", [401, 200])
@pytest.mark.parametrize("event", ["order.refunded", "balance.low"])
def test_forge(
    open_box: OpenBox, finish: Finish, receiver: Receiver, clock: SimpleNamespace, event: str, status: int
) -> None:
    """A stranger's comes before it: another id, lies, and a signature that does not fit. It is not repeated."""
    box = open_box("notpanel", balance="5.50", troubled=1.0)
    hook = box.webhooks.register(receiver.url, [event])
    box.webhooks.fault("forge")
    receiver.script = [answer(status)]
    finish(box)
    clock.now += LONG
    box.webhooks.deliver_due()
    forged, true = receiver.posts
    assert (forged.is_signed_with(hook.secret), true.is_signed_with(hook.secret)) == (False, True)
    assert forged.content["id"] != true.content["id"]
    assert forged.content["data"] != true.content["data"]
    (delivery,) = box.webhooks.deliveries
    assert delivery.id == true.content["id"]
    assert [(each.fault, each.status) for each in delivery.attempts] == [(WebhookFault.FORGE, status), (None, 200)]


def test_truncate(open_box: OpenBox, finish: Finish, receiver: Receiver, clock: SimpleNamespace) -> None:
    """The body ends in its middle, with a length that agrees; the repetition is whole."""
    box = open_box("notpanel")
    hook = box.webhooks.register(receiver.url)
    box.webhooks.fault("truncate")
    receiver.script = [answer(401)]
    finish(box)
    clock.now += LONG
    box.webhooks.deliver_due()
    cut, whole = receiver.posts
    assert cut.body == whole.body[: len(whole.body) // 2]
    assert (cut.is_signed_with(hook.secret), whole.is_signed_with(hook.secret)) == (False, True)
    assert [each.fault for each in box.webhooks.deliveries[0].attempts] == [WebhookFault.TRUNCATE, None]


def test_delay(open_box: OpenBox, finish: Finish, receiver: Receiver, clock: SimpleNamespace) -> None:
    """It comes late, and is signed when it is sent."""
    box = open_box("notpanel")
    box.webhooks.register(receiver.url)
    box.webhooks.fault("delay", seconds=LONG)
    finish(box)
    assert receiver.posts == []
    clock.now += LONG
    box.webhooks.deliver_due()
    assert receiver.posts[0].headers["x-webhook-timestamp"] == str(int(clock.now))


def test_reorder(open_box: OpenBox, finish: Finish, receiver: Receiver, clock: SimpleNamespace) -> None:
    """It comes behind the next one, which a repetition of an earlier one is not."""
    box = open_box("notpanel", webhook_retries=(2 * LONG,))
    box.webhooks.register(receiver.url)
    receiver.script = [answer(500)]
    first = finish(box)
    box.webhooks.fault("reorder", seconds=9 * LONG)
    second = finish(box)
    clock.now += LONG
    box.webhooks.deliver_due()
    assert [post.content["data"]["order"] for post in receiver.posts] == [first, first]
    third = finish(box)
    assert [post.content["data"]["order"] for post in receiver.posts] == [first, first, third, second]
    clock.now += 9 * LONG
    assert box.webhooks.deliver_due() == 0
    assert {delivery.outcome for delivery in box.webhooks.deliveries} == {Outcome.DELIVERED}


def test_reorder_where_none_follows(
    open_box: OpenBox, finish: Finish, receiver: Receiver, clock: SimpleNamespace
) -> None:
    """The last one comes too, only late, and once."""
    box = open_box("notpanel")
    box.webhooks.register(receiver.url)
    box.webhooks.fault("reorder", seconds=5 * LONG)
    finish(box)
    assert receiver.posts == []
    clock.now += 5 * LONG
    assert box.webhooks.deliver_due() == 1
    finish(box)
    assert len(receiver.posts) == 2


def test_a_share_of_deliveries_goes_wrong_in_every_way(open_box: OpenBox, ask: Ask, clock: SimpleNamespace) -> None:
    """The share is about what was asked for, every fault is in it, and the same seed has the same ones."""

    def struck(seed: int) -> list[WebhookFault | None]:
        box = open_box("notpanel", webhook_faults=0.7, seed=seed, limits=Limits(), balance=10_000)
        box.webhooks.register("http://127.0.0.1:9/")
        for n in range(500):
            ask(box, "add", {**ADD, "request_id": n})
        clock.now += LONG
        return [delivery.fault for delivery in box.webhooks.deliveries]

    seen = struck(1)
    assert len(seen) == 500
    counts = Counter(seen)
    assert {fault: 25 < counts[fault] < 80 for fault in WebhookFault} == dict.fromkeys(WebhookFault, True)
    assert 110 < counts[None] < 190
    assert struck(1) == seen
    assert struck(2) != seen


def test_faults_are_counted_named_and_healed(open_box: OpenBox, finish: Finish) -> None:
    """A fault strikes its event so many times; unknown names are refused; healing ends them all."""
    box = open_box("notpanel")
    box.webhooks.register("http://127.0.0.1:9/")
    box.webhooks.fault("lose", event="order.completed", times=2)
    box.webhooks.fault("lose", event="order.failed")
    for _ in range(3):
        finish(box)
    assert [delivery.fault for delivery in box.webhooks.deliveries] == [WebhookFault.LOSE] * 2 + [None]
    box.webhooks.fault("lose", probability=1.0)
    box.webhooks.heal()
    finish(box)
    assert box.webhooks.deliveries[-1].fault is None
    mistakes: list[dict[str, Any]] = [
        {"fault": "explode"},
        {"fault": "lose", "event": "x"},
        {"fault": "lose", "times": 0},
    ]
    for wrong in mistakes:
        with pytest.raises(ValueError, match=r"explode|'x'|times"):
            box.webhooks.fault(**wrong)


# -- from the command line ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--webhook-faults", "2"], "a share lies between 0 and 1"),
        (["--panel", "v2", "--webhook-faults", "0.1"], "v2 has no webhooks"),
    ],
)
def test_what_cannot_be_is_said(capsys: pytest.CaptureFixture[str], arguments: list[str], words: str) -> None:
    """A share above all, and one on a panel that pushes nothing, are calls that are wrong: code 2."""
    assert main(["sandbox", "--port", "0", *arguments]) == 2
    assert words in capsys.readouterr().err


def test_help_says_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever asks for help learns that there are webhooks, and how to spoil them."""
    main(["sandbox", "--help"])
    said = capsys.readouterr().out
    assert "--webhook-faults" in said
    assert "webhook.add" in said
