"""Calls about several ids: as many of the panel's batches as are needed, and no answer lost."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TypeAlias, TypeVar

import anyio

from smmclient.dialect.rows import Unmatched
from smmclient.errors import Malformed, SMMError
from smmclient.pipeline.pace import Priority
from smmclient.pipeline.path import Pipeline
from smmclient.wire import Operation

__all__ = ["Batches"]

T = TypeVar("T")
#: The operation about these ids.
Build: TypeAlias = Callable[[Sequence[str]], Operation[dict[str, T | SMMError]]]
#: Batches of one call that are under way at once; the gate and the pacing bound them further.
_AT_ONCE = 16


class Batches:
    """Asks about ids in batches of ``size``, but one by one for actions that take no more."""

    def __init__(self, pipeline: Pipeline, *, size: int, one_by_one: Collection[str] = ()) -> None:
        self._pipeline = pipeline
        self._size = size
        #: Actions that take one id at a time; others are added once the panel was seen to answer so.
        self._one_by_one = set(one_by_one)

    def over(self, pipeline: Pipeline) -> Batches:
        """The same over another pipeline; what one of the two learns the other knows."""
        twin = Batches(pipeline, size=self._size)
        twin._one_by_one = self._one_by_one
        return twin

    def size_of(self, action: str) -> int:
        """Most ids that the panel takes in one call of the action."""
        return 1 if action in self._one_by_one else self._size

    async def run(
        self, build: Build[T], ids: Sequence[str], priority: Priority, *, size: int | None = None
    ) -> dict[str, T | SMMError]:
        """The value of each id, in order. What ends a call of one batch is raised; of several, it is its ids' value."""
        if not ids:
            return {}
        if size is None:
            size = self.size_of(build(ids[:1]).name) if self._one_by_one else self._size
        # All are built before one is sent: a feature that the panel does not have is said before any I/O.
        batches = [(ids[at : at + size], build(ids[at : at + size])) for at in range(0, len(ids), size)]
        if len(batches) == 1:
            return await self._ask(build, *batches[0], priority)
        answers: dict[str, T | SMMError] = {}
        upcoming = iter(batches)

        async def work() -> None:
            for asked, operation in upcoming:
                try:
                    batch = await self._ask(build, asked, operation, priority)
                except SMMError as error:
                    batch = dict.fromkeys(asked, error)
                answers.update(batch)

        async with anyio.create_task_group() as tasks:
            for _ in range(min(len(batches), _AT_ONCE)):
                tasks.start_soon(work)
        return {one: answers[one] for one in ids}

    async def _ask(
        self,
        build: Build[T],
        asked: Sequence[str],
        operation: Operation[dict[str, T | SMMError]],
        priority: Priority,
    ) -> dict[str, T | SMMError]:
        try:
            return await self._pipeline.run(operation, priority)
        except Malformed as error:
            if len(asked) == 1 or not isinstance(error.__cause__, Unmatched):
                raise
            # Some panels answer for several ids without saying which row is whose. It is a read: ask for one each.
            self._one_by_one.add(operation.name)
        return await self.run(build, asked, priority, size=1)
