"""The panels that are known, and panels in boxes."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from attrs import fields

from smmclient.cli.outcome import CallError
from smmclient.cli.output import Out
from smmclient.dialect import Capabilities, Dialect, Support
from smmclient.errors import ProviderLoadError
from smmclient.registry import env_name, load, providers

if TYPE_CHECKING:
    from smmclient.sandbox import Sandbox

__all__ = ["import_sandbox", "list_panels", "run_sandbox"]

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


def run_sandbox(
    out: Out,
    panel: str,
    *,
    flavour: str | None,
    host: str,
    port: int,
    balance: Decimal | None,
    faults: float,
    webhook_faults: float,
) -> int:
    """Run a panel in a box until Ctrl-C; tell its address and how to call it once it listens."""
    import_sandbox()
    from smmclient.sandbox import Options, run

    def ready(box: Sandbox) -> None:
        if out.json:
            out.write_json({"panel": panel, "base_url": box.base_url, "api_key": box.api_key})
            return
        spoken = f"{panel} ({flavour})" if flavour else panel
        out.line(f"{spoken} in a box, with {box.balance:f} {box.currency} of play money, until Ctrl-C:")
        out.line(f"  export {env_name(panel)}={box.api_key}")
        out.line(f"  smm services --panel {panel} --base-url {box.base_url}")

    options: Options = {"faults": faults, "webhook_faults": webhook_faults}
    if flavour is not None:
        options["flavour"] = flavour
    if balance is not None:
        options["balance"] = balance
    try:
        run(panel, host=host, port=port, ready=ready, **options)
    except (ValueError, OverflowError) as error:
        raise CallError(str(error), hint="`smm sandbox --help` shows the options") from error
    except OSError as error:
        raise CallError(
            f"{host} port {port} cannot be listened on: {error.strerror or error}",
            hint="give another --port; 0 takes a free one",
        ) from error
    return 0
