"""Which panel to call, and with which key: from options, the environment and a profile file.

A key is never an argument: other users of the machine see arguments in the process list, and shells keep them.
It comes from the environment (``NOTPANEL_API_KEY`` …) or from a TOML file that only its owner can read::

    [work]
    panel = "notpanel"
    api_key = "…"

    [cheap]
    panel = "v2"
    base_url = "https://panel.example/api/v2"
    api_key = "…"

The secrets of webhooks are kept in the same way: ``NOTPANEL_WEBHOOK_SECRET`` …, or ``webhook_secret`` in a profile.
"""

from __future__ import annotations

import os
import shlex
import stat
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from attrs import evolve, field, frozen

from smmclient.cli.outcome import CallError, SetupError
from smmclient.errors import ConfigError
from smmclient.places import config_file, is_there, why_no_toml
from smmclient.registry import env_name

__all__ = [
    "Account",
    "account_of",
    "check_no_key",
    "has_profile",
    "no_secret",
    "profile_names",
    "profiles_path",
    "read_profile",
    "resolve",
    "secret_name",
    "webhook_secrets",
]

_KNOWN = ("panel", "base_url", "api_key", "webhook_secret")


@frozen
class Account:
    """What `smmclient.connect` needs: the panel's name, and key and address where they are not the usual ones."""

    panel: str
    base_url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    #: What its webhooks sign with; several are separated by commas.
    webhook_secret: str | None = field(default=None, repr=False)


def check_no_key(tokens: Sequence[str]) -> None:
    """Refuse a command line with an option for a key, without repeating what is in it."""
    for one in tokens:
        if one == "--":
            return
        name = one.split("=", 1)[0].casefold()
        if name == "-k" or (name.startswith("--") and any(word in name for word in ("key", "token", "secret"))):
            what, names = "key", "NOTPANEL_API_KEY, PANELBON_API_KEY …"
            if "secret" in name:
                what, names = "secret", "NOTPANEL_WEBHOOK_SECRET …"
            raise CallError(
                f"a {what} is never given as an argument: other users and the shell's history could see it",
                hint=f"put it into the environment ({names}) or into {_path_to_show()}; if it was a real one, replace "
                "it at the panel",
            )


def _path_to_show() -> str:
    try:
        return str(profiles_path(os.environ))
    except ConfigError:
        return "a profile"


def profiles_path(environ: Mapping[str, str]) -> Path:
    """Where the profiles are: ``SMM_PROFILES``, else ``smmclient/profiles.toml`` under ``XDG_CONFIG_HOME``."""
    return config_file(environ, "SMM_PROFILES", "profiles.toml")


def resolve(
    environ: Mapping[str, str],
    *,
    panel: str | None = None,
    profile: str | None = None,
    base_url: str | None = None,
    named: Callable[[str], Account] = Account,
) -> Account:
    """The account that the options and the environment name: options first, then ``SMM_PROFILE``, then ``SMM_PANEL``.

    An option ``--panel`` sets ``SMM_PROFILE`` aside. One that is not the panel of ``--profile`` is refused: the key
    would go to somebody else's server. ``named`` says whose account a name on its own means.
    """
    if profile is None and not panel:
        profile = environ.get("SMM_PROFILE")
    kept = read_profile(profiles_path(environ), profile) if profile else None
    if kept is not None and panel and kept.panel and panel != kept.panel:
        raise CallError(
            f"profile {profile!r} is an account at {kept.panel}, not at {panel}",
            hint="leave out --panel, or name another profile: the key would go to somebody else",
        )
    name = panel or (kept.panel if kept else None) or environ.get("SMM_PANEL")
    if not name:
        raise CallError(
            "no panel is named", hint="give --panel NAME, --profile NAME or SMM_PANEL; `smm providers` lists the names"
        )
    account = named(name) if kept is None else evolve(kept, panel=name)
    return evolve(account, base_url=base_url) if base_url else account


def account_of(environ: Mapping[str, str], panel: str) -> Account:
    """A panel's account: with the key in the environment, or else that of the profile which has the panel's name."""
    if not environ.get(env_name(panel)) and has_profile(environ, panel):
        kept = read_profile(profiles_path(environ), panel)
        if kept.panel == panel:
            return kept
    return Account(panel)


def read_profile(path: Path, name: str) -> Account:
    """The profile of that name; raises `UsageError`s where the file is missing, wrong, or open to other users."""
    tables = _read(path)
    table = tables.get(name)
    if not isinstance(table, dict):
        known = ", ".join(sorted(key for key, value in tables.items() if isinstance(value, dict))) or "none"
        raise CallError(f"there is no profile {name!r} in {path}", hint=f"the profiles there are: {known}")
    for key, value in table.items():
        if key not in _KNOWN:
            raise _wrong(path, f"[{name}] has an entry {key!r}; known are {', '.join(_KNOWN)}")
        if not isinstance(value, str) or not value:
            raise _wrong(path, f"{key} of [{name}] must be text in quotes")
    return Account(table.get("panel", ""), *(table.get(entry) for entry in _KNOWN[1:]))


def secret_name(panel: str) -> str:
    """The environment variable that holds what a panel's webhooks sign with: ``NOTPANEL_WEBHOOK_SECRET``."""
    return f"{env_name(panel).removesuffix('_API_KEY')}_WEBHOOK_SECRET"


def webhook_secrets(environ: Mapping[str, str], account: Account) -> tuple[str, ...]:
    """What the account's webhooks sign with: several while they are rotated, none where none is known.

    Those of its profile, else those in the environment, else those of the profile that has the panel's name.
    """
    found = account.webhook_secret or environ.get(secret_name(account.panel))
    if not found and has_profile(environ, account.panel):
        kept = read_profile(profiles_path(environ), account.panel)
        found = kept.webhook_secret if kept.panel == account.panel else None
    return tuple(one for part in (found or "").split(",") if (one := part.strip()))


def no_secret(environ: Mapping[str, str], panel: str) -> SetupError:
    """The error for an account whose webhooks' secret is nowhere to be found."""
    return SetupError(
        f"there is no secret for the webhooks of {panel}",
        hint=f"put what `smm webhook add` showed into {secret_name(panel)} (several separated by commas), or into a "
        f'profile of {profiles_path(environ)}: panel = "{panel}", webhook_secret = "…"',
    )


def _wrong(path: Path, what: str) -> SetupError:
    return SetupError(f"{path}: {what}", hint="nothing was sent; mend the file, then run the same command again")


def has_profile(environ: Mapping[str, str], name: str) -> bool:
    """Whether there is a profile of that name; a profile file that cannot be read is an error even so."""
    path = profiles_path(environ)
    return is_there(path) and isinstance(_read(path).get(name), dict)


def profile_names(environ: Mapping[str, str]) -> list[str]:
    """The names of all profiles; none where there is no profile file."""
    path = profiles_path(environ)
    return [name for name, table in _read(path).items() if isinstance(table, dict)] if is_there(path) else []


def _read(path: Path) -> dict[str, object]:
    try:
        with path.open("rb") as file:
            # Asked of the open file: between a look at the path and its opening it could be another one.
            mode = os.fstat(file.fileno()).st_mode
            if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise CallError(
                    f"other users can read or write {path}, and it holds keys",
                    hint=f"chmod 600 {shlex.quote(str(path))}",
                )
            return tomllib.load(file)
    except FileNotFoundError:
        raise CallError(
            f"there is no profile file {path}",
            hint=f'write one: a table [NAME] with panel = "…", api_key = "…"; then chmod 600 {shlex.quote(str(path))}',
        ) from None
    except OSError as error:
        raise CallError(f"{path} cannot be read: {error.strerror}", hint="make it a file that you can read") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        # The cause is left out of the chain: a decoder's error carries the whole text, keys included.
        raise CallError(
            f"{path} is not a TOML file: {why_no_toml(error)}",
            hint='correct it: a table [NAME] with panel = "…", api_key = "…"',
        ) from None
