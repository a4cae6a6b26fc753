"""Providers by name: those that ship, those that packages bring, those that an application registers."""

from __future__ import annotations

import difflib
import importlib
import os
import re
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, TypeAlias, cast

from smmclient.errors import ConfigError, ProviderLoadError, UnknownProvider, UsageError
from smmclient.settings import Settings

if TYPE_CHECKING:
    from smmclient.dialect.dialect import Dialect
    from smmclient.provider import Provider
    from smmclient.transport import Transport

__all__ = ["connect", "env_name", "installed", "load", "nearest", "providers", "register", "register_all", "registered"]

GROUP = "smmclient.providers"

#: What a name stands for: a `Dialect`, a callable that takes what `connect` takes and returns a `Provider`, or the
#: place of either as ``"package.module:name"``, imported when it is connected to.
Target: TypeAlias = "str | Dialect | Callable[..., Provider]"

_registered: dict[str, Target] = {"v2": "smmclient.dialect:V2"}


def register(name: str, target: Target) -> None:
    """Make a provider known by name in this process; it goes before an installed one of the same name.

    Raises `UsageError` for a name whose key would come from the same variable as another provider's, such as
    ``my-panel`` beside ``my_panel``.

    >>> import smmclient
    >>> from smmclient.dialect import Dialect
    >>> smmclient.register("mypanel", Dialect(name="mypanel", base_url="https://panel.example/api/v2"))
    """
    register_all({name: target})


def register_all(targets: Mapping[str, Target]) -> None:
    """`register` all of them, or none; what is installed is looked up once."""
    keys = {env_name(one): one for one in providers()}
    for name, target in targets.items():
        if not isinstance(name, str) or not re.fullmatch(r"[a-z0-9][a-z0-9_.-]*", name):
            raise UsageError(f"a provider's name is lower-case letters, digits, '-', '_' and '.', not {name!r}")
        if isinstance(target, str) and not re.fullmatch(r"[\w.]+:[\w.]+", target):
            raise UsageError(f"a target as text is 'package.module:name', not {target!r}")
        if (other := keys.setdefault(key := env_name(name), name)) != name:
            raise UsageError(f"{name!r} and {other!r} would both take their key from {key}: choose another name")
    _registered.update(targets)


def registered() -> dict[str, Target]:
    """What was made known by `register` in this process, and ``v2``."""
    return dict(_registered)


def providers() -> tuple[str, ...]:
    """The names that `connect` knows, sorted. Nothing is imported for it."""
    return tuple(sorted({*_registered, *_installed()}))


def installed() -> tuple[str, ...]:
    """The names of the providers that ship or that packages bring."""
    return ("v2", *_installed())


def _installed() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}


def load(name: str) -> Dialect | Callable[..., Provider]:
    """What stands behind a name, imported."""
    target: object = _registered.get(name)
    if target is None:
        point = _installed().get(name)
        if point is None:
            raise UnknownProvider(
                f"no provider is named {name!r}{_hint(name)}; panels of a file are known after smmclient.load_panels()"
            )
        target = point.value
    if not isinstance(target, str):
        return cast("Dialect | Callable[..., Provider]", target)
    module, _, path = target.partition(":")
    try:
        found: object = importlib.import_module(module)
        for part in path.split("."):
            found = getattr(found, part)
    except Exception as error:
        raise ProviderLoadError(
            f"the provider {name!r} could not be loaded from {target}: {type(error).__name__}: {error}",
            provider=name,
        ) from error
    return cast("Dialect | Callable[..., Provider]", found)


def nearest(name: str) -> str | None:
    """The provider's name that is most like a mistyped one; None where none is."""
    return next(iter(difflib.get_close_matches(str(name).casefold(), providers(), n=1)), None)


def _hint(name: str) -> str:
    close = nearest(name)
    return f": did you mean {close!r}?" if close else f": known are {', '.join(providers())}"


def env_name(name: str) -> str:
    """The environment variable that holds the key of a provider: ``NOTPANEL_API_KEY``."""
    return re.sub(r"[^A-Z0-9]", "_", name.upper()) + "_API_KEY"


def connect(
    name: str,
    *,
    api_key: str | Callable[[], str] | None = None,
    base_url: str | None = None,
    settings: Settings | None = None,
    transport: Transport | None = None,
) -> Provider:
    """The provider with that name, ready to use; nothing is sent yet.

    ``api_key`` falls back to the environment (``NOTPANEL_API_KEY`` and so on) and may be a callable, which
    is asked before
    each send. ``base_url`` is needed for ``v2`` and replaces a panel's own otherwise. A ``transport`` that is passed in
    is not closed by the provider, so several can share it. Without one it is a `smmclient.transport.DefaultTransport`:
    aiohttp under asyncio where it is installed (extra ``fast``), else httpx. That is decided at the first send, so
    that no event loop has to run here and no HTTP library is imported; ``panel.transport`` says which it is.
    Raises `UnknownProvider`, `ConfigError` or `ProviderLoadError`.
    """
    from smmclient.dialect.dialect import Dialect
    from smmclient.panel import Panel
    from smmclient.provider import Provider

    target = load(name)
    if api_key is None and (api_key := os.environ.get(env_name(name))) is None:
        raise ConfigError(f"no API key: pass api_key, or set {env_name(name)} in the environment", provider=name)
    settings = settings or Settings()
    if isinstance(target, Dialect):
        return Panel(target, api_key=api_key, base_url=base_url, settings=settings, transport=transport)
    if not callable(target):
        raise ProviderLoadError(f"{name!r} is a {type(target).__name__}, neither a Dialect nor callable", provider=name)
    provider = target(name=name, api_key=api_key, base_url=base_url, settings=settings, transport=transport)
    if not isinstance(provider, Provider):
        raise ProviderLoadError(f"{name!r} made a {type(provider).__name__}, not a Provider", provider=name)
    return provider
