"""Where a key may come from, and that it is never shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from smmclient.cli.profiles import Account, profiles_path, resolve
from smmclient.errors import UsageError
from smmclient.sandbox import Sandbox

SECRET = "k-3c9ff1d2-do-not-show"


@pytest.mark.parametrize(
    "arguments",
    [
        ("balance", "--api-key", SECRET),
        ("balance", f"--api-key={SECRET}"),
        ("balance", f"--API-KEY={SECRET}"),
        ("balance", f"--api_key={SECRET}"),
        ("balance", "--key", SECRET),
        ("--key", SECRET, "balance"),
        ("balance", "-k", SECRET),
        ("order", "--token", SECRET, "--json"),
    ],
)
def test_a_key_as_an_argument_is_refused_and_not_repeated(smm: Callable[..., Any], arguments: tuple[str, ...]) -> None:
    """The error says where to put it instead."""
    ran = smm(*arguments)
    assert ran.code == 2
    assert SECRET not in ran.out + ran.err
    assert "NOTPANEL_API_KEY" in ran.out + ran.err


def test_a_refused_key_is_not_shown(
    smm: Callable[..., Any], box: Sandbox, at_box: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the text nor the JSON of the error has it."""
    monkeypatch.setenv("NOTPANEL_API_KEY", SECRET)
    for form in ((), ("--json",)):
        ran = smm("balance", *at_box, *form)
        assert ran.code == 3
        assert SECRET not in ran.out + ran.err


def write(path: Path, text: str, mode: int = 0o600) -> None:
    """Write a profile file with these permissions."""
    path.write_text(text)
    path.chmod(mode)


def test_a_profile_names_panel_address_and_key(smm: Callable[..., Any], box: Sandbox, profiles: Path) -> None:
    """With a profile, a command needs no other option."""
    write(profiles, f'[work]\npanel = "notpanel"\nbase_url = "{box.base_url}"\napi_key = "{box.api_key}"\n')
    assert smm("balance", "--profile", "work").rows[0] == ["balance", "100.00"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620, 0o666])
def test_a_profile_file_that_others_can_open_is_refused(
    smm: Callable[..., Any], box: Sandbox, profiles: Path, mode: int
) -> None:
    """Nothing is sent, and the command that mends it is printed."""
    write(profiles, f'[work]\npanel = "notpanel"\napi_key = "{SECRET}"\nbase_url = "{box.base_url}"\n', mode)
    ran = smm("balance", "--profile", "work")
    assert ran.code == 2
    assert f"chmod 600 {profiles}" in ran.err
    assert SECRET not in ran.err
    assert box.requests == ()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[home]\npanel = "v2"\n', "there is no profile 'work'"),
        (f'[work]\napi_key = "{SECRET}', "not a TOML file"),
        (f'[work]\napi-key = "{SECRET}"\n', "has an entry 'api-key'"),
        ("[work]\napi_key = 12345\n", "api_key of [work] must be text"),
    ],
)
def test_a_wrong_profile_file_says_what_is_wrong(smm: Callable[..., Any], profiles: Path, text: str, told: str) -> None:
    """Without repeating what is in it."""
    write(profiles, text)
    ran = smm("balance", "--profile", "work", "--panel", "v2")
    assert ran.code == 2
    assert told in ran.err
    assert SECRET not in ran.err
    assert "12345" not in ran.err


def test_a_missing_profile_file_is_named(smm: Callable[..., Any], profiles: Path) -> None:
    """The error says where it was looked for."""
    assert str(profiles) in smm("balance", "--profile", "work").err


@pytest.mark.parametrize(
    ("environ", "path"),
    [
        ({"SMM_PROFILES": "/etc/p.toml", "XDG_CONFIG_HOME": "/x"}, "/etc/p.toml"),
        ({"XDG_CONFIG_HOME": "/x"}, "/x/smmclient/profiles.toml"),
        ({"XDG_CONFIG_HOME": "relative"}, "~/.config/smmclient/profiles.toml"),
        ({}, "~/.config/smmclient/profiles.toml"),
    ],
)
def test_where_profiles_are_looked_for(environ: dict[str, str], path: str) -> None:
    """A file of one's own, else the place that the XDG rules give."""
    assert profiles_path(environ) == Path(path).expanduser()


def test_options_go_before_the_profile_and_that_before_the_environment(profiles: Path) -> None:
    """The key of a profile goes to the panel of that profile, whatever the environment names."""
    write(
        profiles, '[work]\npanel = "notpanel"\nbase_url = "https://a.example"\napi_key = "k"\n[bare]\napi_key = "b"\n'
    )
    environ = {"SMM_PROFILES": str(profiles), "SMM_PANEL": "panelbon"}
    assert resolve(environ) == Account("panelbon")
    assert resolve(environ, panel="v2") == Account("v2")
    assert resolve(environ, profile="work") == Account("notpanel", "https://a.example", "k")
    assert resolve(environ, profile="work", base_url="https://b.example").base_url == "https://b.example"
    assert resolve(environ, profile="bare") == Account("panelbon", None, "b")
    with pytest.raises(UsageError, match="at notpanel, not at panelbon"):
        resolve(environ, profile="work", panel="panelbon")
    assert "k" not in repr(resolve(environ, profile="bare")).replace("None", "").split("panelbon")[1]
