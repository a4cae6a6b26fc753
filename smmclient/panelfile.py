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
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from smmclient.dialect import Dialect
from smmclient.endpoint import Endpoint
from smmclient.errors import ConfigError
from smmclient.knobs import KNOBS, WrongKnob, did_you_mean
from smmclient.places import config_file
from smmclient.registry import env_name, is_installed, register

__all__ = ["load_panels", "panels_path", "read_panel", "read_panels"]


def load_panels(path: str | os.PathLike[str] | None = None) -> dict[str, Dialect]:
    """Make the panels of a TOML file known to `connect`, all or none of them; returns them by name.

    Without a path it is the file of ``smm panels`` (see `panels_path`). Raises `ConfigError`, which names the table and
    the knob, for a file that is missing or wrong, and for a name that an installed provider has.
    """
    found = read_panels(panels_path(os.environ) if path is None else Path(path))
    for name, dialect in found.items():
        register(name, dialect)
    return found


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
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not a TOML file: {error}") from error
    found: dict[str, Dialect] = {}
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise ConfigError(f"{path}: {name} stands outside of a table: put it under the [name] of its panel")
        if other := next((one for one in found if env_name(one) == env_name(name)), None):
            raise ConfigError(f"{path}: [{other}] and [{name}] would both take their key from {env_name(name)}")
        try:
            found[name] = read_panel(name, table)
        except ConfigError as error:
            raise ConfigError(f"{path}: {error.message}") from error
    return found


def read_panel(name: str, table: Mapping[str, object]) -> Dialect:
    """The panel that a table describes; raises `ConfigError` that names the knob which is wrong."""
    where = f"[{name}]"
    if not re.fullmatch(r"[a-z0-9][a-z0-9_.-]*", name):
        raise ConfigError(f"{where} is no name for a panel: it is lower-case letters, digits, '-', '_' and '.'")
    if is_installed(name):
        raise ConfigError(f"{where} is an installed provider, whose key goes to its own address: choose another name")
    for knob in table:
        if knob not in KNOBS and knob not in _ADDRESS:
            raise ConfigError(_no_knob(where, knob))
    facts: dict[str, Any] = {"base_url": _address(where, table)}
    for knob, (fact, read) in KNOBS.items():
        if knob in table:
            try:
                facts[fact] = read(table[knob])
            except WrongKnob as error:
                raise ConfigError(f"{where} {knob}: {error}") from None
    return Dialect(name=name, **facts)


def _no_knob(where: str, given: str) -> str:
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
        own = urlsplit(base_url).path.rstrip("/")
    except ValueError as error:
        raise ConfigError(f"{where} base_url is not a URL: {error}") from None
    if own and path is not None:
        raise ConfigError(f"{where} path: base_url has one already, {own!r}: leave one of the two out")
    url = base_url if own else base_url.rstrip("/") + (path or _USUAL_PATH)
    try:
        return Endpoint.parse(url, provider=where).url
    except ConfigError as error:
        raise ConfigError(f"{where} {error.message}") from None
