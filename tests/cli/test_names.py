"""Which account a name means, for every command, and what is said of one that means none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from smmclient.cli.profiles import Account, account_of, resolve
from smmclient.sandbox import Sandbox

Smm = Callable[..., Any]


@pytest.fixture
def cheap(smm: Smm, box: Sandbox, profiles: Path) -> Sandbox:
    """A panel of the user's own, cheap, whose key is in the profile of its name; and a profile np of another."""
    profiles.write_text(
        f'[cheap]\npanel = "cheap"\napi_key = "{box.api_key}"\n'
        f'[np]\npanel = "notpanel"\nbase_url = "{box.base_url}"\napi_key = "{box.api_key}"\n'
    )
    profiles.chmod(0o600)
    assert smm("panels", "add", "cheap", "--base-url", box.base_url).code == 0
    return box


@pytest.mark.parametrize(
    "command",
    [
        ("balance", "--panel", "cheap"),
        ("balance", "--panel", "np"),
        ("compare", "tiktok", "--panel", "cheap"),
        ("panels", "test", "cheap"),
        ("panels", "test", "np"),
    ],
)
def test_a_panels_key_may_be_in_the_profile_of_its_name(smm: Smm, cheap: Sandbox, command: tuple[str, ...]) -> None:
    """Or the name may be a profile's: one rule for every command."""
    ran = smm(*command)
    assert ran.code == 0, ran.err
    assert cheap.requests


def test_the_environments_key_goes_before_that_profile(cheap: Sandbox, profiles: Path) -> None:
    """An empty one is none; a profile of the name that is for another panel is not meant."""
    environ = {"SMM_PROFILES": str(profiles)}
    assert account_of(environ, "cheap") == Account("cheap", None, cheap.api_key)
    assert account_of(environ | {"CHEAP_API_KEY": ""}, "cheap").api_key == cheap.api_key
    assert account_of(environ | {"CHEAP_API_KEY": "k"}, "cheap") == Account("cheap")
    assert account_of(environ, "np") == Account("np")


def test_a_name_on_the_command_line_sets_the_environments_profile_aside(
    smm: Smm, cheap: Sandbox, profiles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is said goes before what is set; only two options can contradict each other."""
    monkeypatch.setenv("SMM_PROFILE", "np")
    assert smm("panels", "test", "cheap").rows[0][0] == "cheap"
    assert smm("balance", "--panel", "cheap").code == 0
    assert smm("balance").code == 0
    environ = {"SMM_PROFILES": str(profiles), "SMM_PROFILE": "np"}
    assert resolve(environ).panel == "notpanel"
    assert resolve(environ, panel="cheap") == Account("cheap")
    ran = smm("balance", "--profile", "np", "--panel", "cheap")
    assert ran.code == 2
    assert "at notpanel, not at cheap" in ran.err


def test_comparing_all_tells_a_profile_without_a_key(smm: Smm, cheap: Sandbox, profiles: Path) -> None:
    """The others are compared; one that is named, or one that is alone, is an error."""
    profiles.write_text(profiles.read_text() + '[bare]\npanel = "panelbon"\n')
    ran = smm("compare", "tiktok", "followers")
    assert ran.code == 2
    assert {row[0] for row in ran.rows[1:]} == {"cheap", "np"}
    assert "smm: bare is missing from this: there is no key for panelbon" in ran.err
    found = smm("compare", "tiktok", "followers", "--json").json
    assert not found["is_complete"]
    assert found["failures"]["bare"]["type"] == "ConfigError"
    asked = len(cheap.requests)
    assert smm("compare", "tiktok", "--panel", "bare", "--panel", "np").code == 2
    profiles.write_text('[bare]\npanel = "panelbon"\n')
    assert "there is no key for panelbon" in smm("compare", "tiktok").err
    assert len(cheap.requests) == asked


# ------------------------------------------------------------------------------------------------------ paths


def test_a_file_of_panels_that_is_not_there_is_told(smm: Smm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a name is asked for that could be in it."""
    monkeypatch.setenv("SMM_PANELS", str(tmp_path / "nosuch.toml"))
    for command in (("balance", "--panel", "cheap"), ("compare", "likes", "--panel", "cheap")):
        ran = smm(*command)
        assert ran.code == 2
        assert "'cheap' is neither a provider nor a profile" in ran.err
        assert f"SMM_PANELS names a file that is not there: {tmp_path / 'nosuch.toml'}" in ran.err
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("SMM_PANELS")
    assert "SMM_PANELS" not in smm("balance", "--panel", "cheap").err


@pytest.mark.parametrize("path", ["~no-such-user/p.toml", "x" * 300, "", "."])
@pytest.mark.parametrize("variable", ["SMM_PANELS", "SMM_PROFILES"])
def test_a_path_that_cannot_be_is_no_traceback(
    smm: Smm, at_box: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, path: str
) -> None:
    """Each command says what is wrong, and those that do not need the file do their work."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv(variable, path)
    assert smm("balance", *at_box).code == 0
    assert smm("providers").code == 0
    for command in (
        ("balance", "--panel", "cheap"),
        ("balance", "--profile", "work"),
        ("balance", "--panel", "panelbon"),
        ("compare", "likes", "--panel", "cheap"),
        ("panels", "test", "cheap"),
        ("panels", "remove", "cheap"),
        ("balance", "--api-key", "k"),
    ):
        ran = smm(*command)
        assert ran.code == 2, command
        assert "  -> " in ran.err
    assert smm("panels", "list").code in (0, 2)


def test_without_a_home_folder_nothing_falls_over(
    smm: Smm, at_box: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some containers run as a user that nobody knows: the variable that helps is named."""

    def fail(path: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", fail)
    monkeypatch.delenv("SMM_PANELS")
    monkeypatch.delenv("SMM_PROFILES")
    assert smm("balance", *at_box).code == 0
    assert smm("providers").code == 0
    assert "set HOME, or SMM_PANELS to its path" in smm("panels", "list").err
    assert "set HOME, or SMM_PROFILES to its path" in smm("balance", "--profile", "work").err
    assert "never given as an argument" in smm("balance", "--api-key", "k").err


# ---------------------------------------------------------------------------------------------------- addresses


def test_an_address_without_a_path_is_named(
    smm: Smm, box: Sandbox, at_box: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """--base-url takes the whole address: where nothing is found, the one that was asked stands in the error."""
    bare = box.base_url.removesuffix("/api/v2")
    ran = smm("balance", "--panel", "notpanel", "--base-url", bare)
    assert ran.code == 3
    assert f"{bare} was asked" in ran.err
    assert f"{bare}/api/v2" in ran.err
    ran = smm("balance", "--panel", "notpanel", "--base-url", f"{bare}/api", "--json")
    assert f"{bare}/api was asked" in ran.json["error"]["hint"]
    ran = smm("status", "ord_none", *at_box)
    assert "was asked" not in ran.err


@pytest.mark.parametrize(("status", "said"), [(200, "<html>"), (404, "<html>"), (405, "<html>")])
def test_a_page_instead_of_an_api_is_named_too(
    smm: Smm,
    no_waiting: None,
    loopback: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    said: str,
) -> None:
    """A site's front page answers anybody."""
    head = f"HTTP/1.1 {status} X\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n".encode()
    panel = loopback(lambda panel, form: head + said.encode())
    monkeypatch.setenv("V2_API_KEY", "k-1")
    address = f"http://127.0.0.1:{panel.port}"
    ran = smm("balance", "--panel", "v2", "--base-url", address)
    assert ran.code in (2, 4)
    assert f"{address} was asked" in ran.err
