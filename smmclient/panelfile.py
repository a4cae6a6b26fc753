"""Panels as data: a TOML file with a table for each panel that speaks the convention, and the knobs it differs in.

::

    [mypanel]
    base_url = "https://mypanel.example/api/v2"
    batch_size = 50                       # most ids in one call
    limits = [{ rate = 60, per = 60 }]    # requests in any so many seconds
    package_rate_per = 1                  # packages are priced by the piece
    order_ids = "number"
    headers = { X-Client = "shop" }
    features = { refill = "no", dripfeed = "yes" }
    refusals = { "No credit left" = "InsufficientFunds" }

The file holds no keys: they come from the environment (``MYPANEL_API_KEY``), from `connect`, or from a profile of
``smm``.
"""

from __future__ import annotations

import os
import re
import stat
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from smmclient.dialect import Dialect
from smmclient.endpoint import Endpoint
from smmclient.errors import ConfigError
from smmclient.knobs import KNOBS, WrongKnob, did_you_mean, is_close
from smmclient.places import config_file, expanded, why_no_toml
from smmclient.registry import env_name, installed, register_all, registered

__all__ = ["load_panels", "panels_path", "read_panel", "read_panels"]


def load_panels(path: str | os.PathLike[str] | None = None) -> dict[str, Dialect]:
    """Make the panels of a TOML file known to `connect`, all or none of them; returns them by name.

    Without a path it is the file of ``smm panels`` (see `panels_path`); ``~`` stands for the home folder. Raises
    `ConfigError`, which names the table and the knob, for a file that is missing or wrong, for a name that an installed
    provider has, and for one that is registered already, unless it is for the same address.
    """
    where = panels_path(os.environ) if path is None else expanded(os.fspath(path), "load_panels")
    found = read_panels(where)
    for name, dialect in found.items():
        _check_free(where, name, dialect)
    register_all(found)
    return found


def _check_free(path: Path, name: str, dialect: Dialect) -> None:
    """Raise `ConfigError` where the name, or the variable of its key, means another address in this process."""
    for other, target in registered().items():
        if env_name(other) != env_name(name) or (other == name and target is dialect):
            continue
        if other != name:
            raise ConfigError(f"{path}: [{name}] and {other!r}, which is registered, would share {env_name(name)}")
        if not isinstance(target, Dialect) or target.base_url != dialect.base_url:
            raise ConfigError(
                f"{path}: {name!r} is registered already, and not for {dialect.base_url}, where its key would go from "
                "now on: choose another name"
            )


def panels_path(environ: Mapping[str, str]) -> Path:
    """Where ``smm`` keeps panels: ``SMM_PANELS``, else ``smmclient/panels.toml`` under ``XDG_CONFIG_HOME``."""
    return config_file(environ, "SMM_PANELS", "panels.toml")


def read_panels(path: Path) -> dict[str, Dialect]:
    """The panels of a file; nothing is made known. Raises `ConfigError`."""
    try:
        with path.open("rb") as file:
            if os.name == "posix" and os.fstat(file.fileno()).st_mode & stat.S_IWOTH:
                raise ConfigError(f"everybody can write {path}, and could send your keys elsewhere: chmod o-w it")
            tables = tomllib.load(file)
    except FileNotFoundError:
        raise ConfigError(f"there is no file of panels {path}: `smm panels add` begins one") from None
    except OSError as error:
        raise ConfigError(f"{str(path)[:200]} cannot be read: {error.strerror}") from error
    except ValueError as error:
        if not isinstance(error, (tomllib.TOMLDecodeError, UnicodeDecodeError)):
            raise ConfigError(f"{str(path)[:200]!r} is no path: {error}") from error
        raise ConfigError(f"{path} is not a TOML file: {why_no_toml(error)}") from error
    found: dict[str, Dialect] = {}
    taken = installed()
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise ConfigError(f"{path}: {name} stands outside of a table: put it under the [name] of its panel")
        if other := next((one for one in found if env_name(one) == env_name(name)), None):
            raise ConfigError(f"{path}: [{other}] and [{name}] would both take their key from {env_name(name)}")
        try:
            found[name] = read_panel(name, table, taken)
        except ConfigError as error:
            raise ConfigError(f"{path}: {error.message}") from error
    return found


def read_panel(name: str, table: Mapping[str, object], taken: Collection[str] | None = None) -> Dialect:
    """The panel that a table describes; raises `ConfigError` that names the knob which is wrong.

    ``taken`` are the names that it cannot have: those of installed providers, if not given.
    """
    where = f"[{name}]"
    if not re.fullmatch(r"[a-z0-9][a-z0-9_.-]*", name):
        raise ConfigError(f"{where} is no name for a panel: it is lower-case letters, digits, '-', '_' and '.'")
    taken = installed() if taken is None else taken
    if name in taken:
        raise ConfigError(f"{where} is an installed provider, whose key goes to its own address: choose another name")
    if other := next((one for one in taken if env_name(one) == env_name(name)), None):
        raise ConfigError(
            f"{where} would take its key from {env_name(name)}, as the installed provider {other!r} does: "
            "choose another name"
        )
    for knob, value in table.items():
        if knob not in KNOBS and knob not in _ADDRESS:
            raise ConfigError(_no_knob(name, knob, value))
    facts: dict[str, Any] = {"base_url": _address(where, table)}
    for knob, (fact, read) in KNOBS.items():
        if knob in table:
            try:
                facts[fact] = read(table[knob])
            except WrongKnob as error:
                raise ConfigError(f"{where} {knob}: {error}") from None
    if facts.get("packages_bill_min") and facts.get("package_rate_per", 1000) != 1000:
        raise ConfigError(
            f"{where} package_rate_per and packages_bill_min: they give a package two prices; keep the one that the "
            "panel documents"
        )
    return Dialect(name=name, **facts)


def _no_knob(name: str, given: str, value: object) -> str:
    where = f"[{name}]"
    if isinstance(value, dict) and ("base_url" in value or not is_close(given, KNOBS)):
        return f'{where} has no knob {given!r}: a panel whose name has dots stands in quotes, ["{name}.{given}"]'
    if any(word in given.casefold() for word in ("key", "token", "secret")):
        return f"{where} has {given!r}: keys do not belong here; they go into the environment or a profile of smm"
    return f"{where} has no knob {given!r}: {did_you_mean(given, (*_ADDRESS, *KNOBS))}"


_ADDRESS = ("base_url", "path")
#: The path of most panels by far.
_USUAL_PATH = "/api/v2"


def _address(where: str, table: Mapping[str, object]) -> str:
    base_url, path = table.get("base_url"), table.get("path")
    if not isinstance(base_url, str) or not base_url:
        raise ConfigError(f'{where} needs base_url = "https://…": the address of the panel\'s API')
    if path is not None and (not isinstance(path, str) or not path.startswith("/")):
        raise ConfigError(f'{where} path: it must be text such as "/api/v2", not {path!r}')
    try:
        parts = urlsplit(base_url)
    except ValueError as error:
        raise ConfigError(f"{where} base_url is not a URL: {error}") from None
    own = parts.path.rstrip("/")
    if parts.query and not own:
        raise ConfigError(f"{where} base_url has a query and no path: write the whole address, https://…/api/v2?…")
    if own and path is not None:
        raise ConfigError(f"{where} path: base_url has one already, {own!r}: leave one of the two out")
    url = base_url if own else base_url.rstrip("/") + (path or _USUAL_PATH)
    try:
        return Endpoint.parse(url, provider=where).url
    except ConfigError as error:
        raise ConfigError(f"{where} {error.message}") from None
