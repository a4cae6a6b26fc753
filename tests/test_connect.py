"""Connecting by name: what is known, what is checked before anything is sent, and what importing costs."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import smmclient
from smmclient import (
    ConfigError,
    Limit,
    Provider,
    ProviderLoadError,
    RetryPolicy,
    Settings,
    Timeouts,
    UnknownProvider,
    UsageError,
    registry,
)
from smmclient.dialect import V2, Dialect
from smmclient.panel import Panel
from smmclient.testing import ScriptedTransport


@pytest.fixture(autouse=True)
def _registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is gone after it."""
    monkeypatch.setattr(registry, "_registered", dict(registry._registered))


def test_what_ships() -> None:
    """The three providers that ship are known by name."""
    assert {"notpanel", "panelbon", "v2"} <= set(smmclient.providers())
    for name, url in (
        ("notpanel", "https://notpanel.com/api/v2"),
        ("panelbon", "https://www.panelbon.com/app/api/v2"),
    ):
        provider = smmclient.connect(name, api_key="k")
        assert isinstance(provider, Provider)
        assert (provider.name, getattr(provider, "endpoint").url) == (name, url)  # noqa: B009


def test_providers_are_found_by_entry_point() -> None:
    """PanelBon and NotPanel are plug-ins like anybody else's."""
    names = {point.name for point in entry_points(group="smmclient.providers")}
    assert {"notpanel", "panelbon"} <= names


@pytest.mark.parametrize(("name", "hint"), [("notpanl", "'notpanel'"), ("PanelBon", "'panelbon'"), ("qqq", "v2")])
def test_an_unknown_name(name: str, hint: str) -> None:
    """An unknown provider's error names the close match, or what is known."""
    with pytest.raises(UnknownProvider, match=hint):
        smmclient.connect(name, api_key="k")


def test_a_panel_of_a_file_may_not_be_loaded_yet() -> None:
    """An unknown name can be one of the user's file: the error says how those are made known."""
    with pytest.raises(UnknownProvider, match=r"smmclient\.load_panels\(\)"):
        smmclient.connect("viet", api_key="k")


def test_no_two_names_share_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is registered beside another name with the same variable for its key would be sent that one's."""
    smmclient.register("my-panel", V2)
    smmclient.register("my-panel", V2)
    with pytest.raises(UsageError, match="'my_panel' and 'my-panel' would both take their key from MY_PANEL_API_KEY"):
        smmclient.register("my_panel", V2)
    monkeypatch.setattr(registry, "_installed", lambda: {"their.panel": None})
    with pytest.raises(UsageError, match=r"'their_panel' and 'their\.panel' would both"):
        smmclient.register("their_panel", V2)


def test_registering() -> None:
    """A dialect, a place as text, or a callable can stand behind a name."""
    calls: list[dict[str, object]] = []

    def build(**given: object) -> Provider:
        calls.append(given)
        return Panel(V2, api_key="k", base_url="https://panel.example/")

    smmclient.register("mine", Dialect(name="mine", base_url="https://panel.example/api/v2"))
    smmclient.register("lazy", "smmclient_notpanel:NOTPANEL")
    smmclient.register("built", build)
    assert smmclient.connect("mine", api_key="k").name == "mine"
    assert smmclient.connect("lazy", api_key="k").name == "notpanel"
    assert smmclient.connect("built", api_key="k", base_url="b").name == "v2"
    assert calls[0]["api_key"] == "k"
    assert set(calls[0]) == {"name", "api_key", "base_url", "settings", "transport"}
    assert {"mine", "lazy", "built"} <= set(smmclient.providers())


@pytest.mark.parametrize(
    ("target", "error"),
    [
        ("no.such.module:X", ProviderLoadError),
        ("smmclient:no_such_name", ProviderLoadError),
        ("smmclient:__version__", ProviderLoadError),
        (lambda **given: object(), ProviderLoadError),
    ],
)
def test_a_provider_that_cannot_be_loaded(target: object, error: type[UsageError]) -> None:
    """A provider whose package is broken says so by name, when it is connected to."""
    smmclient.register("broken", target)  # type: ignore[arg-type]
    with pytest.raises(error, match="broken"):
        smmclient.connect("broken", api_key="k")


@pytest.mark.parametrize(("name", "target"), [("Has Space", V2), ("", V2), ("ok", "no colon")])
def test_bad_registrations(name: str, target: object) -> None:
    """Names and targets are checked when they are registered."""
    with pytest.raises(UsageError):
        smmclient.register(name, target)  # type: ignore[arg-type]


def test_the_key_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without api_key the key is taken from NAME_API_KEY; the error of a missing one names the variable."""
    monkeypatch.delenv("NOTPANEL_API_KEY", raising=False)
    with pytest.raises(ConfigError, match="NOTPANEL_API_KEY"):
        smmclient.connect("notpanel")
    monkeypatch.setenv("NOTPANEL_API_KEY", "from-env")
    smmclient.connect("notpanel")
    monkeypatch.setenv("NOTPANEL_API_KEY", "")
    with pytest.raises(ConfigError, match="empty"):
        smmclient.connect("notpanel")


@pytest.mark.parametrize("key", ["", " ", "a\nb", "a\x00", 5, b"bytes"])
def test_bad_keys(key: object) -> None:
    """A key that cannot be one is refused before anything is sent, and its error does not show it."""
    with pytest.raises(ConfigError) as caught:
        smmclient.connect("notpanel", api_key=key)  # type: ignore[arg-type]
    assert "bytes'" not in str(caught.value)


GOOD = [
    "https://panel.example",
    "https://panel.example:8443/api",
    "http://127.0.0.1:5/",
    "http://[::1]:5",
    "http://localhost/x",
]
BAD_URLS = [
    "http://panel.example/api/v2",
    "http://127.0.0.1.example.com/",
    "http://localhost.example.com/",
    "ftp://127.0.0.1/",
    "panel.example/api",
    "https://",
    "https://user:pass@panel.example/",
    "https://panel.example/#x",
    "https://panel.example:99999/",
    "https://panel.example/a b",
    "https://panel.example/\r\nx: y",
    "https://panel.example/api?key=s3cret",
    "https://panel.example/api?x=1&Access_Token=s3cret",
    "https://panel.example/api?%6Bey=s3cret",
    "https://panel.example/api?auth",
    "",
    5,
]


@pytest.mark.parametrize("url", GOOD)
def test_good_addresses(url: str) -> None:
    """Https anywhere, http to this machine only."""
    smmclient.connect("v2", api_key="k", base_url=url)


@pytest.mark.parametrize("url", BAD_URLS)
def test_bad_addresses(url: object) -> None:
    """An address that the key must not be sent to, or that holds one, is a ConfigError, which does not repeat it."""
    with pytest.raises(ConfigError) as caught:
        smmclient.connect("v2", api_key="k", base_url=url)  # type: ignore[arg-type]
    assert "s3cret" not in str(caught.value)


def test_v2_needs_an_address() -> None:
    """The generic provider says that it needs base_url."""
    with pytest.raises(ConfigError, match="base_url"):
        smmclient.connect("v2", api_key="k")


@pytest.mark.parametrize(
    "build",
    [
        lambda: Settings(limits=[Limit(1)]),  # type: ignore[arg-type]
        lambda: Settings(retry=3),  # type: ignore[arg-type]
        lambda: Settings(max_connections=0),
        lambda: Settings(cache="no"),  # type: ignore[arg-type]
        lambda: Settings(headers=5),  # type: ignore[arg-type]
        lambda: Timeouts(read=0),
        lambda: Timeouts(read=float("nan")),
        lambda: Timeouts(connect=float("inf")),
        lambda: RetryPolicy(attempts=0),
        lambda: RetryPolicy(deadline="60"),  # type: ignore[arg-type]
        lambda: Limit(0),
        lambda: Limit(5, 0),
        lambda: Limit(True),
        lambda: Limit(5, 60, "key"),  # type: ignore[arg-type]
        lambda: smmclient.connect("v2", api_key="k", base_url="https://x", settings=Settings(headers={"a b": "c"})),
        lambda: smmclient.connect("v2", api_key="k", base_url="https://x", settings=Settings(headers={"a": "é"})),
        lambda: smmclient.connect("v2", api_key="k", base_url="https://x", settings=Settings(headers={"Expect": "1"})),
        lambda: smmclient.connect("v2", api_key="k", base_url="https://x", settings=Settings(headers={"a": "b\r\nc"})),
    ],
)
def test_bad_settings(build: object) -> None:
    """A setting that makes no sense is a ConfigError that names it."""
    with pytest.raises(ConfigError):
        build()  # type: ignore[operator]


async def _use_and_close(transport: ScriptedTransport) -> None:
    async with smmclient.connect("notpanel", api_key="k", transport=transport):
        pass


@pytest.mark.anyio
async def test_a_transport_that_is_passed_in_stays_open() -> None:
    """Several providers can share a transport: none of them closes it."""
    transport = ScriptedTransport([])
    await _use_and_close(transport)
    assert not transport.closed


def run_python(code: str) -> str:
    """What a fresh interpreter prints."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


#: What may be loaded only when it is used.
LATER = "httpx httpcore aiohttp rich cyclopts uvicorn trio tenacity cattrs importlib.metadata"


@pytest.mark.parametrize(
    ("code", "later"),
    [
        ("import smmclient", LATER),
        ("from smmclient import Catalog, Order, Provider, Settings, SMMError", "httpx httpcore aiohttp"),
        ("import smmclient; smmclient.connect('notpanel', api_key='k').capabilities", "aiohttp cyclopts uvicorn"),
        ("import smmclient.transport, smmclient.sandbox, smmclient.testing", "httpx httpcore aiohttp uvicorn trio"),
    ],
)
def test_importing_is_cheap(code: str, later: str) -> None:
    """Import smmclient loads no HTTP library, and nothing that only a later step needs."""
    assert run_python(f"import sys\n{code}\nprint(sorted(set('{later}'.split()) & set(sys.modules)))") == "[]"


def test_the_package_is_typed() -> None:
    """Type checkers find the types of every package of the wheel."""
    for name in ("smmclient", "smmclient_panelbon", "smmclient_notpanel"):
        module = __import__(name)
        assert (Path(str(module.__file__)).parent / "py.typed").is_file()
