"""The commands of ``smm panels``. What is slow to import is imported inside."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from smmclient.cli.options import Flag, Hidden
from smmclient.cli.outcome import OK, CallError, mending
from smmclient.cli.session import Access

__all__ = ["add", "list_", "remove", "try_"]

Name = Annotated[str, Parameter(help="What the panel is called: lower-case letters, digits, '-', '_' and '.'.")]

_SET = (
    "A knob in which it differs: KNOB=VALUE, or KNOB.NAME=VALUE for one in a table; once for each. "
    "docs/own-panels.md lists them."
)


def add(
    name: Name,
    *,
    session: Hidden,
    base_url: Annotated[str, Parameter(help="The address of its API; without a path, /api/v2 is taken.")],
    set: Annotated[list[str] | None, Parameter(help=_SET, negative="")] = None,
    json: Flag = False,
) -> int:
    """Add a panel that speaks the convention; it is known by its name from then on. Nothing is sent."""
    from smmclient.cli.own.file import add_panel
    from smmclient.registry import env_name

    path = _path(session)
    dialect = add_panel(path, name, base_url, set or [])
    out = session.out
    if out.json:
        out.write_json({"panel": name, "base_url": dialect.base_url, "key": env_name(name), "file": str(path)})
        return OK
    out.line(f"{name} is kept in {path}: {dialect.base_url}")
    key = env_name(name)
    first = f"its key is in {key}; now" if session.environ.get(key) else f"put its key into {key}, then"
    out.note(f"  -> {first}: smm panels test {name}")
    return OK


def list_(*, session: Hidden, json: Flag = False) -> int:
    """Show the panels of the file."""
    from smmclient.panelfile import read_panels
    from smmclient.places import is_there
    from smmclient.registry import env_name

    path, out = _path(session), session.out
    with mending(path):
        found = read_panels(path) if is_there(path) else {}
    if out.json:
        out.write_json(
            [
                {"panel": name, "base_url": one.base_url, "key": key, "has_key": bool(session.environ.get(key))}
                for name, one in found.items()
                for key in (env_name(name),)
            ]
        )
        return OK
    if not found:
        out.note(f"smm: there are no panels in {path}; `smm panels add` begins it")
        return OK
    out.table(
        ("panel", "base_url", "key", "key is set"),
        [
            (name, one.base_url, env_name(name), "yes" if session.environ.get(env_name(name)) else "no")
            for name, one in found.items()
        ],
    )
    return OK


async def try_(
    name: Name | None = None,
    *,
    session: Hidden,
    access: Access | None = None,
    order: Annotated[str | None, Parameter(help="The id of an order there, to ask for its status.")] = None,
) -> int:
    """Ask a panel for its balance, its catalog and statuses, and tell what it speaks and what it lacks.

    Nothing is ordered. Without --order the statuses of orders 1 and 2 are asked
    for, which most panels refuse: that says as much.
    """
    from smmclient.cli.own.check import check_panel

    access = access or Access()
    if name is not None:
        if access.panel is not None or access.profile is not None:
            raise CallError("the panel is named twice", hint=f"leave out --panel and --profile, or {name}")
        access = Access(name, None, access.base_url, access.json)
    async with session.connect(access) as panel:
        return await check_panel(session.out, panel, order=order)


def remove(name: Name, *, session: Hidden, json: Flag = False) -> int:
    """Take a panel out of the file."""
    from smmclient.cli.own.file import remove_panel

    path = _path(session)
    remove_panel(path, name)
    if session.out.json:
        session.out.write_json({"panel": name, "file": str(path)})
    else:
        session.out.line(f"{name} is no longer in {path}")
    return OK


def _path(session: Hidden) -> Path:
    from smmclient.panelfile import panels_path

    return panels_path(session.environ)
