"""Which event loop runs here."""

from __future__ import annotations

import sys

import anyio.lowlevel

__all__ = ["current_loop", "is_asyncio"]


def current_loop() -> object:
    """What stands for the event loop of the calling task: the same, by ``==``, as long as it is the same loop."""
    # A look at asyncio itself is a third of the cost of anyio's token. It is not imported for it: without it, it does
    # not run. Where trio is the guest of an asyncio loop, that loop runs, but no task of it.
    asyncio = sys.modules.get("asyncio")
    if asyncio is not None:
        try:
            if asyncio.current_task() is not None:
                return asyncio.get_running_loop()
        except RuntimeError:
            pass
    return anyio.lowlevel.current_token()


def is_asyncio() -> bool:
    """Whether the calling task is one of asyncio's."""
    asyncio = sys.modules.get("asyncio")
    try:
        return asyncio is not None and asyncio.current_task() is not None
    except RuntimeError:
        return False
