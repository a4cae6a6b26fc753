"""``smm compare``: the prices of several panels, and who is missing from them."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import anyio
import pytest

from smmclient import registry
from smmclient.cli import main
from smmclient.pipeline.clock import SystemClock
from smmclient.sandbox import Fault, Limits, Sandbox, serve

HEADINGS = ["panel", "id", "name", "price", "cost", "min", "max", "refill", "dripfeed", "cancel", "currency", "per"]


@pytest.fixture
def boxes(profiles: Path) -> Iterator[dict[str, Sandbox]]:
    """Three panels in boxes, each a profile: ``bon`` is ten percent cheaper."""
    with ExitStack() as stack:
        found = {
            name: stack.enter_context(serve(panel, limits=Limits(), discount=discount))
            for name, panel, discount in (("bon", "panelbon", 10), ("np", "notpanel", 0), ("third", "v2", 0))
        }
        profiles.write_text(
            "".join(
                f'[{name}]\npanel = "{box.panel}"\nbase_url = "{box.base_url}"\napi_key = "{box.api_key}"\n'
                for name, box in found.items()
            )
        )
        profiles.chmod(0o600)
        yield found


def test_every_profile_is_asked_and_the_cheapest_comes_first(smm: Callable[..., Any], boxes: Any) -> None:
    """Without --panel all profiles are compared; a pipe gets one table whose lines name their unit."""
    ran = smm("compare", "tiktok", "followers")
    assert (ran.code, ran.err) == (0, "")
    assert ran.rows[0] == [*HEADINGS, "type", "category"]
    assert [row[:4] for row in ran.rows[1:]] == [
        ["bon", "13", "TikTok Followers", "1.566"],
        ["np", "13", "TikTok Followers", "1.74"],
        ["third", "13", "TikTok Followers", "1.74"],
    ]
    assert {tuple(row[10:12]) for row in ran.rows[1:]} == {("USD", "1000")}


def test_only_the_panels_that_are_named_are_asked(smm: Callable[..., Any], boxes: dict[str, Sandbox]) -> None:
    """--panel names profiles, one after the other, each asked once."""
    ran = smm("compare", "tiktok", "--panel", "np", "--panel", "third", "--panel", "np", "followers")
    assert [row[0] for row in ran.rows[1:]] == ["np", "third"]
    assert [box.count("services") for box in boxes.values()] == [0, 1, 1]
    assert smm("compare", "tiktok", "--panel", "np", "--panel", "np", "--json").json["panels"] == ["np"]


def test_a_panel_with_its_key_in_the_environment_is_asked(
    smm: Callable[..., Any], profiles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A provider's name means the account whose key the environment holds; v2 alone is no panel."""
    monkeypatch.setenv("V2_API_KEY", "k")
    ran = smm("compare", "tiktok")
    assert ran.code == 2
    assert "no panel to ask" in ran.err
    ran = smm("compare", "tiktok", "--panel", "notpanel")
    assert ran.code == 2
    assert "NOTPANEL_API_KEY" in ran.err


def test_a_panel_of_ones_own_is_asked(
    smm: Callable[..., Any], boxes: dict[str, Sandbox], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A panel of the user's file with its key in the environment is one of all, and one that --panel names."""
    monkeypatch.setattr(registry, "_registered", dict(registry._registered))
    (tmp_path / "panels.toml").write_text(f'[mine]\nbase_url = "{boxes["third"].base_url}"\n')
    monkeypatch.setenv("MINE_API_KEY", boxes["third"].api_key)
    assert [row[0] for row in smm("compare", "tiktok", "followers").rows[1:]] == ["bon", "mine", "np", "third"]
    assert [row[0] for row in smm("compare", "tiktok", "followers", "--panel", "mine").rows[1:]] == ["mine"]


def test_a_quantity_is_priced_and_bounds_are_kept(smm: Callable[..., Any], boxes: Any) -> None:
    """Only services that take so many are shown, with the exact cost."""
    ran = smm("compare", "instagram", "followers", "--quantity", 150, "--refill", "--panel", "np")
    assert [(row[1], row[4]) for row in ran.rows[1:]] == [("1", "0.135"), ("3", "0.4806")]
    assert smm("compare", "instagram", "followers", "--quantity", 50, "--refill", "--panel", "np").rows[1][1] == "1"


def test_wishes_narrow_it_down(smm: Callable[..., Any], boxes: Any) -> None:
    """Flags and type keep what has them; what a catalog does not say is left out, and said."""
    ran = smm("compare", "instagram", "likes", "--dripfeed", "--cancel", "--type", "default")
    assert {row[0] for row in ran.rows[1:]} == {"np", "third"}
    assert {(row[8], row[9], row[12]) for row in ran.rows[1:]} == {("yes", "yes", "Default")}
    assert "services of bon are left out: its catalog does not say" in ran.err


def test_a_panel_that_failed_is_told(smm: Callable[..., Any], boxes: dict[str, Sandbox]) -> None:
    """The others are compared, stderr names who is missing, and the exit code is the failure's."""
    boxes["np"].revoke_key(boxes["np"].api_key)
    ran = smm("compare", "tiktok", "followers")
    assert ran.code == 3
    assert [row[0] for row in ran.rows[1:]] == ["bon", "third"]
    assert "np is missing from this: AuthenticationFailed" in ran.err
    assert "does not accept the key" in ran.err
    assert boxes["np"].api_key not in ran.err


def test_a_panel_without_a_currency_is_told(
    smm: Callable[..., Any], boxes: dict[str, Sandbox], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A balance that does not come leaves its panel by itself, and that is said."""

    async def at_once(clock: SystemClock, seconds: float) -> None:
        await anyio.lowlevel.checkpoint()

    monkeypatch.setattr(SystemClock, "sleep", at_once)
    boxes["np"].fail("balance", Fault.HTML, times=100)
    ran = smm("compare", "tiktok", "followers", "--panel", "np", "--panel", "bon", "--json")
    assert ran.code == 4
    assert [(one["currency"], one["panel"]) for one in ran.json["rankings"]] == [("USD", None), (None, "np")]
    assert not ran.json["is_complete"]
    assert ran.json["currency_failures"]["np"]["type"] == "Malformed"
    boxes["np"].heal()
    boxes["np"].fail("balance", Fault.HTML, times=100)
    ran = smm("compare", "tiktok", "followers", "--panel", "np")
    assert "np did not tell its currency" in ran.err
    assert ran.rows[1][10] == ""


def test_json_has_all_of_it(smm: Callable[..., Any], boxes: dict[str, Sandbox]) -> None:
    """Programs get rankings with exact text amounts, and the failures beside them, on one stream."""
    boxes["third"].revoke_key(boxes["third"].api_key)
    ran = smm("compare", "tiktok", "--json", "--quantity", 1000)
    assert (ran.code, ran.err) == (3, "")
    assert ran.json["panels"] == ["bon", "np", "third"]
    assert ran.json["failures"]["third"]["exit_code"] == 3
    (ranking,) = ran.json["rankings"]
    assert (ranking["basis"], ranking["currency"]) == ("1000", "USD")
    first = ranking["offers"][0]
    assert (first["panel"], first["price"], first["cost"], first["service"]["id"]) == (
        "bon",
        "0.00081",
        "0.00081",
        "15",
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "no word is given"),
        (["likes", "--panel", "nosuch"], "'nosuch' is neither a provider nor a profile"),
        (["likes", "--quantity", "0"], "quantity"),
        (["likes", "--quantity", "1_000"], "not a whole number"),
        (["!!"], "say what to look for"),
    ],
)
def test_a_wrong_call_asks_nobody(
    smm: Callable[..., Any], boxes: dict[str, Sandbox], arguments: list[str], said: str
) -> None:
    """Exit code 2, what is wrong, and no request to any panel."""
    ran = smm("compare", *arguments)
    assert ran.code == 2
    assert said in ran.err
    assert [box.count() for box in boxes.values()] == [0, 0, 0]


def test_nothing_found_is_said(smm: Callable[..., Any], boxes: Any) -> None:
    """No service is no error, and not silence."""
    ran = smm("compare", "nothing", "like", "this")
    assert ran.code == 0
    assert "no service" in ran.err


def test_a_terminal_gets_a_table_for_each_unit(boxes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """No table mixes currencies or packages with prices of 1,000, and none is wider than the screen."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr("sys.stdout", screen)
    assert main(["compare", "tiktok", "--panel", "np", "--panel", "bon"]) == 0
    lines = screen.getvalue().splitlines()
    assert all(len(line) <= 80 for line in lines)
    titles = [line for line in lines if line.startswith("USD per")]
    assert titles == ["USD per 1,000", "USD per package"]
    assert "cost" not in screen.getvalue()


def test_currencies_are_compared_at_the_rates_that_are_given(
    smm: Callable[..., Any], profiles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--base and --rate put dollars and dongs into one order; a pipe keeps each panel's own price beside it."""
    with serve("v2", limits=Limits()) as usd, serve("v2", flavour="cmsnt", limits=Limits()) as vnd:
        profiles.write_text(
            "".join(
                f'[{name}]\npanel = "v2"\nbase_url = "{box.base_url}"\napi_key = "{box.api_key}"\n'
                for name, box in (("usd", usd), ("vnd", vnd))
            )
        )
        profiles.chmod(0o600)
        wanted = ("compare", "tiktok", "likes", "--quantity", 1000)
        assert [row[0] for row in smm(*wanted).rows[1:]] == ["usd", "vnd"]
        ran = smm(*wanted, "--base", "usd", "--rate", "VND=0.00003")
        assert ran.rows[0][-1] == "in USD"
        assert [(row[0], row[3], row[10], row[-1]) for row in ran.rows[1:]] == [
            ("vnd", "6750", "VND", "0.20250"),
            ("usd", "0.27", "USD", "0.27"),
        ]
        dear = smm(*wanted, "--base", "USD", "--rate", "vnd=0.00005", "--rate", "EUR=1.1")
        assert [row[0] for row in dear.rows[1:]] == ["usd", "vnd"]

        class Terminal(io.StringIO):
            def isatty(self) -> bool:
                return True

        screen = Terminal()
        monkeypatch.setenv("NO_COLOR", "1")
        monkeypatch.setenv("TERM", "dumb")
        monkeypatch.setattr("sys.stdout", screen)
        arguments = ["compare", "tiktok", "likes", "--quantity", "2000", "--base", "USD", "--rate", "VND=0.00003"]
        assert main(arguments) == 0
    # One column holds one currency: cost and price are the base's.
    line = next(one for one in screen.getvalue().splitlines() if one.startswith("vnd"))
    assert "0.20250" in line
    assert "0.40500" in line
    assert "6750" not in line


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--base", "USD"), "--base and --rate go together"),
        (("--rate", "VND=1"), "--base and --rate go together"),
        (("--base", "USD", "--rate", "VND"), "CURRENCY=AMOUNT"),
        (("--base", "USD", "--rate", "VND=1e3"), "CURRENCY=AMOUNT"),
        (("--base", "USD", "--rate", "VND=1,5"), "CURRENCY=AMOUNT"),
        (("--base", "USD", "--rate", "VND=0"), "above 0"),
        (("--base", "USD", "--rate", "VND=1", "--rate", "vnd=2"), "vnd is given twice"),
        (("--base", "USD", "--rate", "USD=1"), "the base needs none"),
        (("--base", "$", "--rate", "VND=1"), "a currency is a code"),
    ],
)
def test_a_rate_that_is_none_asks_nobody(
    smm: Callable[..., Any], boxes: dict[str, Sandbox], arguments: tuple[str, ...], said: str
) -> None:
    """A wrong rate would be a wrong order of prices."""
    ran = smm("compare", "tiktok", *arguments)
    assert ran.code == 2
    assert said in ran.err
    assert [box.count() for box in boxes.values()] == [0, 0, 0]
