"""``--listen``: what a panel pushes ends the wait of `track` and `bulk follow`, and polling is left as the net."""

from __future__ import annotations

import http.client
import json
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from smmclient.sandbox import Limits, Sandbox, serve

Smm = Callable[..., Any]
Start = Callable[..., Any]
Hooked = Callable[[str], str]


class Turned:
    """A panel's clock: the minute or so that an order takes passes when a test says so."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def __call__(self) -> float:
        """Seconds since the epoch."""
        return time.time() + self._ahead

    def finish(self, box: Sandbox, *, asked: int, action: str = "status") -> None:
        """Let every order end and push it, once the command has done ``action`` more often than that."""
        end = time.monotonic() + 20
        while box.count(action) <= asked and time.monotonic() < end:
            time.sleep(0.005)
        # Less than the tolerance of a delivery's timestamp.
        self._ahead += 200
        box.webhooks.deliver_due()


@pytest.fixture
def clock() -> Turned:
    """The panel's clock."""
    return Turned()


@pytest.fixture
def slow_box(monkeypatch: pytest.MonkeyPatch, profiles: Path, clock: Turned) -> Iterator[Sandbox]:
    """A NotPanel whose orders end well when its clock is turned; its key is in the environment."""
    with serve("notpanel", limits=Limits(), seconds_to_finish=60, troubled=0, clock=clock) as box:
        monkeypatch.setenv("NOTPANEL_API_KEY", box.api_key)
        yield box


@pytest.fixture
def at(slow_box: Sandbox) -> tuple[str, ...]:
    """The options that lead there."""
    return ("--panel", "notpanel", "--base-url", slow_box.base_url)


@pytest.fixture
def hooked(slow_box: Sandbox, closed_port: int, monkeypatch: pytest.MonkeyPatch) -> Hooked:
    """Has the panel push to that path of the port, and gives the secret, which is in the environment."""

    def register(path: str) -> str:
        secret = slow_box.webhooks.register(f"http://127.0.0.1:{closed_port}{path}").secret
        monkeypatch.setenv("NOTPANEL_WEBHOOK_SECRET", secret)
        return secret

    return register


def place(smm: Smm, at: Sequence[str], number: int = 0) -> str:
    """An order's id."""
    link = f"https://e.example/{number}"
    return str(smm("order", "--service", 1, "--link", link, "--quantity", 100, *at, "--json").json["order"])


def a_run(smm: Smm, tmp_path: Path, at: Sequence[str], count: int) -> Path:
    """A run whose orders are placed."""
    orders, run = tmp_path / "o.csv", tmp_path / "r.db"
    orders.write_text("service,link,quantity\n" + "".join(f"1,https://e.example/{n},100\n" for n in range(count)))
    assert smm("bulk", "place", orders, "--run", run, *at).code == 0
    return run


def forge(port: int, path: str) -> int:
    """Send what nobody signed, and return the status of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("POST", path, b'{"event": "order.completed"}', {"X-Webhook-Signature": "00" * 32})
        return connection.getresponse().status
    finally:
        connection.close()


def test_a_run_is_followed_by_what_is_pushed(
    smm: Smm,
    start: Start,
    slow_box: Sandbox,
    clock: Turned,
    at: Sequence[str],
    tmp_path: Path,
    closed_port: int,
    hooked: Hooked,
) -> None:
    """It ends long before the next look, and a line tells requests, events, and looks saved."""
    run = a_run(smm, tmp_path, at, 12)
    secret = hooked("/notpanel")
    asked = slow_box.count("status")
    command = start("bulk", "follow", run, "--listen", closed_port)
    command.wait_for(f"listening for notpanel at http://127.0.0.1:{closed_port}/notpanel")
    assert forge(closed_port, "/notpanel") == 401
    clock.finish(slow_box, asked=asked)
    assert command.stop(None) == 0
    shown = "\n".join(command.out + command.err)
    assert "12 of 12 orders final" in shown
    assert "12 completed" in shown
    (tally,) = [line for line in command.out if "pushed" in line]
    assert "12 events pushed" in tally
    assert slow_box.count("status") - asked < 12
    assert "1x refused a delivery: " in shown
    assert secret not in shown
    assert "\x1b" not in shown


def test_a_file_is_placed_and_followed_by_what_is_pushed(
    smm: Smm,
    start: Start,
    slow_box: Sandbox,
    clock: Turned,
    at: Sequence[str],
    tmp_path: Path,
    closed_port: int,
    hooked: Hooked,
) -> None:
    """`place --follow` and `resume --follow` listen too, and say so where nothing would be followed."""
    hooked("/notpanel")
    orders, run = tmp_path / "o.csv", tmp_path / "r.db"
    orders.write_text("service,link,quantity\n" + "".join(f"1,https://e.example/{n},100\n" for n in range(5)))
    lonely = smm("bulk", "place", orders, "--run", run, *at, "--listen", closed_port)
    assert lonely.code == 2
    assert "--follow" in lonely.err
    assert not run.exists()
    command = start("bulk", "place", orders, "--run", run, *at, "--follow", "--listen", closed_port)
    clock.finish(slow_box, asked=0)
    assert command.stop(None) == 0
    shown = "\n".join(command.out + command.err)
    assert "5 events pushed" in shown
    assert "5 completed" in shown
    again = smm("bulk", "resume", run, "--follow", "--listen", closed_port, "--base-url", slow_box.base_url)
    assert again.code == 0


def test_what_is_pushed_while_rows_are_placed_is_taken(
    start: Start,
    slow_box: Sandbox,
    clock: Turned,
    tmp_path: Path,
    closed_port: int,
    profiles: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The receiver is open before the first row; following asks first, so no order's end is missed."""
    is_held, act = threading.Event(), Sandbox.handle

    def hold_orders(box: Sandbox, form: dict[str, str], *about: Any) -> Any:
        if box.panel == "panelbon" and form.get("action") == "add":
            assert is_held.wait(20)
        return act(box, form, *about)

    monkeypatch.setattr(Sandbox, "handle", hold_orders)
    hook = slow_box.webhooks.register(f"http://127.0.0.1:{closed_port}/mine")
    orders, run = tmp_path / "o.csv", tmp_path / "r.db"
    rows = [f"mine,1,https://e.example/{n},100" for n in range(3)] + ["other,1,https://e.example/9,100"]
    orders.write_text("\n".join(["panel,service,link,quantity", *rows]))
    with serve("panelbon", limits=Limits(), seconds_to_finish=0, troubled=0) as bon:
        profiles.write_text(
            f'[mine]\npanel = "notpanel"\nbase_url = "{slow_box.base_url}"\napi_key = "{slow_box.api_key}"\n'
            f'webhook_secret = "{hook.secret}"\n'
            f'[other]\npanel = "panelbon"\nbase_url = "{bon.base_url}"\napi_key = "{bon.api_key}"\n'
        )
        profiles.chmod(0o600)
        try:
            command = start("bulk", "place", orders, "--run", run, "--follow", "--listen", closed_port)
            command.wait_for("listening for mine")
            clock.finish(slow_box, asked=2, action="add")
            pushed = slow_box.webhooks.deliveries
            assert forge(closed_port, "/mine") == 401
            command.wait_for("refused a delivery")
            asked = slow_box.count("status")
        finally:
            is_held.set()
        assert command.stop(None) == 0
    assert asked == 0
    assert [[attempt.status for attempt in one.attempts] for one in pushed] == [[200]] * 3
    shown = "\n".join(command.out + command.err)
    assert "mine: orders: 3 completed" in shown
    assert "1x refused a delivery: " in shown


def test_under_json_the_end_tells_what_was_pushed(
    smm: Smm,
    start: Start,
    slow_box: Sandbox,
    clock: Turned,
    at: Sequence[str],
    tmp_path: Path,
    closed_port: int,
    hooked: Hooked,
) -> None:
    """As fields of "Ended", by panel."""
    run = a_run(smm, tmp_path, at, 3)
    hooked("/")
    asked = slow_box.count("status")
    command = start("bulk", "follow", run, "--listen", f"127.0.0.1:{closed_port}", "--json")
    clock.finish(slow_box, asked=asked)
    assert command.stop(None) == 0
    ended = json.loads(command.out[-1])
    assert ended["event"] == "Ended"
    assert set(ended["pushes"]["notpanel"]) == {"requests", "looks", "pushed", "saved"}
    assert ended["pushes"]["notpanel"]["pushed"] == 3
    assert ended["refused_deliveries"] == 0


def test_an_order_is_tracked_by_what_is_pushed(
    smm: Smm,
    start: Start,
    slow_box: Sandbox,
    clock: Turned,
    at: Sequence[str],
    closed_port: int,
    hooked: Hooked,
) -> None:
    """With a look at the beginning and none to wait for; stdout has the changes alone."""
    hooked("/notpanel/")
    order, asked = place(smm, at), slow_box.count("status")
    command = start("track", order, "--listen", closed_port, *at)
    clock.finish(slow_box, asked=asked)
    assert command.stop(None) == 0
    assert command.out[-1].split("\t")[:2] == [order, "completed"]
    assert any("pushed" in line for line in command.err)
    assert all(line.split("\t")[0] in (order, "order") for line in command.out)


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_ends_the_receiver_with_the_following(
    smm: Smm,
    start: Start,
    at: Sequence[str],
    tmp_path: Path,
    closed_port: int,
    monkeypatch: pytest.MonkeyPatch,
    stop: signal.Signals,
) -> None:
    """Exit code 130, a summary, and what the pushes saved until then."""
    with serve("notpanel", limits=Limits(), seconds_to_finish=3600, troubled=0) as box:
        monkeypatch.setenv("NOTPANEL_API_KEY", box.api_key)
        monkeypatch.setenv("NOTPANEL_WEBHOOK_SECRET", "whs-0123456789-0123456789")
        there = ("--panel", "notpanel", "--base-url", box.base_url)
        run = a_run(smm, tmp_path, there, 2)
        order = place(smm, there, 7)
        asked = box.count("status")
        follow = start("bulk", "follow", run, "--listen", closed_port)
        follow.wait_for("listening for notpanel")
        track = start("track", order, "--listen", 0, *there)
        track.wait_for("pending")
        assert box.count("status") > asked
        assert (follow.stop(stop), track.stop(stop)) == (130, 130)
    for command in (follow, track):
        shown = "\n".join(command.out + command.err)
        assert "0 events pushed" in shown
        assert "Traceback" not in shown
        assert "whs-" not in shown


def test_what_is_missing_is_said_before_anything_is_asked(
    smm: Smm, slow_box: Sandbox, at: Sequence[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A secret, a scheme, a free port, an address that can be read, and --listen itself."""
    run, order = a_run(smm, tmp_path, at, 1), place(smm, at, 9)
    asked = len(slow_box.requests)
    taken = slow_box.base_url.split(":")[2].split("/")[0]
    for command in (("bulk", "follow", run), ("track", order, *at)):
        assert "NOTPANEL_WEBHOOK_SECRET" in smm(*command, "--listen", 0).err
    monkeypatch.setenv("NOTPANEL_WEBHOOK_SECRET", "whs-0123456789-0123456789")
    for command in (("bulk", "follow", run), ("track", order, *at)):
        for options, told in (
            (("--listen", taken), "Address already in use"),
            (("--listen", 0, "--scheme", tmp_path / "no.toml"), "no.toml cannot be read"),
            (("--listen", "host:port"), "neither PORT nor HOST:PORT"),
            (("--scheme", tmp_path / "no.toml"), "no --listen"),
        ):
            ran = smm(*command, *options)
            assert ran.code == 2
            assert told in ran.err
    assert len(slow_box.requests) == asked


def test_a_panel_without_webhooks_is_not_listened_for(
    smm: Smm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said, and nothing is asked."""
    with serve("panelbon", limits=Limits(), seconds_to_finish=3600) as box:
        monkeypatch.setenv("PANELBON_API_KEY", box.api_key)
        there = ("--panel", "panelbon", "--base-url", box.base_url)
        run = a_run(smm, tmp_path, there, 1)
        asked = len(box.requests)
        for command in (("bulk", "follow", run), ("track", "CR-1", *there)):
            ran = smm(*command, "--listen", 0)
            assert ran.code == 2
            assert "panelbon documents no webhooks" in ran.err
        assert len(box.requests) == asked


def test_each_panel_of_a_run_has_a_path_and_the_others_are_polled(
    smm: Smm,
    start: Start,
    slow_box: Sandbox,
    clock: Turned,
    tmp_path: Path,
    closed_port: int,
    profiles: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By the name that the run has for it, here a profile's, with the secret of that profile."""
    monkeypatch.delenv("NOTPANEL_API_KEY")
    hook = slow_box.webhooks.register(f"http://127.0.0.1:{closed_port}/mine")
    orders, run = tmp_path / "o.csv", tmp_path / "r.db"
    orders.write_text(
        "panel,service,link,quantity\nmine,1,https://e.example/1,100\npanelbon,1,https://e.example/2,100\n"
    )
    with serve("panelbon", limits=Limits(), seconds_to_finish=0, troubled=0) as bon:
        profiles.write_text(
            f'[mine]\npanel = "notpanel"\nbase_url = "{slow_box.base_url}"\napi_key = "{slow_box.api_key}"\n'
            f'webhook_secret = "{hook.secret}"\n'
            f'[panelbon]\npanel = "panelbon"\nbase_url = "{bon.base_url}"\napi_key = "{bon.api_key}"\n'
        )
        profiles.chmod(0o600)
        assert smm("bulk", "place", orders, "--run", run).code == 0
        asked = slow_box.count("status")
        command = start("bulk", "follow", run, "--listen", closed_port)
        clock.finish(slow_box, asked=asked)
        assert command.stop(None) == 0
    shown = "\n".join(command.out + command.err)
    assert f"listening for mine at http://127.0.0.1:{closed_port}/mine" in shown
    assert "panelbon documents no webhooks" in shown
    assert "mine: 1 request, 1 event pushed" in shown
    assert "2 of 2 orders final" in shown
    assert hook.secret not in shown
