"""The panels that are known, and what panels in boxes need."""

from __future__ import annotations

from attrs import fields

from smmclient.cli.outcome import CallError
from smmclient.cli.output import Out
from smmclient.dialect import Capabilities, Dialect, Support
from smmclient.errors import ProviderLoadError
from smmclient.registry import env_name, load, providers

__all__ = ["import_sandbox", "list_panels"]

_FEATURES = tuple(one.name for one in fields(Capabilities))


def list_panels(out: Out) -> int:
    """Write a row for each panel: its address, where its key is looked for, and what it documents.

    A provider of one's own that is no `Dialect` tells its capabilities only once it is connected: they are left out.
    """
    loaded = {name: _load(name) for name in providers()}
    if out.json:
        out.write_json([_described(name, one) for name, one in loaded.items()])
        return 0
    if not out.is_terminal:
        out.table(
            ("panel", "base_url", "key", *_FEATURES),
            [(name, _address(one), env_name(name), *_supports(one)) for name, one in loaded.items()],
        )
        return 0
    out.table(
        ("panel", "address, key, and what it documents"),
        [(name if n == 0 else "", line) for name, one in loaded.items() for n, line in enumerate(_told(name, one))],
    )
    return 0


def _told(name: str, one: object) -> list[str]:
    words = dict(zip(_FEATURES, _supports(one), strict=True))
    lines = [_address(one), env_name(name)]
    for said, heading in ((Support.YES, "has"), (Support.NO, "has not"), (Support.UNDOCUMENTED, "not documented")):
        if features := ", ".join(feature for feature, word in words.items() if word == said.value):
            lines.append(f"{heading}: {features}")
    return [line for line in lines if line]


def _load(name: str) -> object:
    try:
        return load(name)
    except ProviderLoadError as error:
        return error


def _address(one: object) -> str:
    if isinstance(one, ProviderLoadError):
        return f"cannot be loaded: {one.message}"
    if isinstance(one, Dialect):
        return one.base_url or "given with --base-url"
    return ""


def _supports(one: object) -> list[str]:
    if not isinstance(one, Dialect):
        return [""] * len(_FEATURES)
    return [getattr(one.capabilities, name).value for name in _FEATURES]


def _described(name: str, one: object) -> dict[str, object]:
    described: dict[str, object] = {"panel": name, "key": env_name(name)}
    if isinstance(one, ProviderLoadError):
        return described | {"error": one.message}
    if isinstance(one, Dialect):
        return described | {
            "base_url": one.base_url,
            "needs_base_url": one.base_url is None,
            "capabilities": one.capabilities,
        }
    return described


def import_sandbox() -> None:
    """Raise a `UsageError` that says what to install where the sandbox cannot run."""
    try:
        import uvicorn  # noqa: F401

        import smmclient.sandbox  # noqa: F401
    except ImportError as missing:
        raise CallError("panels in boxes need more packages", hint='pip install "smmclient[cli,sandbox]"') from missing
