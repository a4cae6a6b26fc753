"""One question to several panels at once: an answer or an error of each, whatever the others do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

import anyio

from smmclient.errors import SMMError

__all__ = ["ask_all", "error_of"]

T = TypeVar("T")


def error_of(name: str, operation: str, error: BaseException) -> SMMError:
    """What a panel's call ended with, as a value; raises what is not the panel's: cancellation and its like.

    A provider that broke its word to raise only `SMMError`s gets one of the root class, because nobody knows more. Its
    text does not quote the cause, which may hold a key.
    """
    if isinstance(error, SMMError):
        return error
    if not isinstance(error, Exception) and not _is_stray(error):
        raise error
    made = SMMError(
        f"the provider failed in a way of its own ({type(error).__name__}): see __cause__",
        provider=name,
        operation=operation,
    )
    made.__cause__ = error
    return made


def _is_stray(error: BaseException) -> bool:
    """Whether it is a cancellation that nobody asked this task for: of a task within the provider, on asyncio."""
    if not isinstance(error, asyncio.CancelledError) or anyio.get_cancelled_exc_class() is not asyncio.CancelledError:
        return False
    task = asyncio.current_task()
    return task is not None and not task.cancelling()


async def ask_all(
    calls: Mapping[str, Callable[[], Awaitable[T]]], kind: type[object], operation: str
) -> dict[str, T | SMMError]:
    """What the calls give, which must be of that kind, by name. Only cancellation and its like are raised."""
    answers: dict[str, T | SMMError] = {}

    async def ask(name: str, call: Callable[[], Awaitable[T]]) -> None:
        try:
            answers[name] = answer = await call()
        except BaseException as error:
            answers[name] = error_of(name, operation, error)
        else:
            if not isinstance(answer, kind):
                answers[name] = error_of(name, operation, TypeError(f"it gave a {type(answer).__name__}"))

    async with anyio.create_task_group() as tasks:
        for name, call in calls.items():
            tasks.start_soon(ask, name, call)
    return {name: answers[name] for name in calls}
