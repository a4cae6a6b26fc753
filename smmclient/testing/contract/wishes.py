"""Refills and cancels: asked for once, answered id by id, and in doubt where the reply says nothing."""

from __future__ import annotations

from collections.abc import Mapping

from smmclient.errors import NotCancelable, NotRefillable, OutcomeUnknown, Refused, SMMError
from smmclient.model import Cancellation, Refill
from smmclient.provider import Provider
from smmclient.testing.contract.base import ContractBase, must, promise
from smmclient.testing.contract.doubt import FAULTS, LOST, NONSENSE
from smmclient.testing.contract.panel import ContractPanel, Step
from smmclient.testing.contract.speech import No

__all__ = ["Wishes"]

Values = Mapping[str, "Refill | Cancellation | SMMError"]
#: The panel's word for no to each, and what a yes becomes.
REFUSALS: dict[str, type[Refused]] = {"refill": NotRefillable, "cancel": NotCancelable}
KINDS: dict[str, type[Refill] | type[Cancellation]] = {"refill": Refill, "cancel": Cancellation}


async def _ask(provider: Provider, action: str, ids: list[int | str]) -> Values:
    return await (provider.refill(ids) if action == "refill" else provider.cancel(ids))


class Wishes(ContractBase):
    """`refill` and `cancel`."""

    @promise("refill")
    async def test_refills(self, panel: ContractPanel) -> None:
        """`refill` gives each order, in the order asked for, its refill or the panel's refusal."""
        values = await self._answered(panel, "refill")
        refill = values["30"]
        named = isinstance(refill, Refill) and (refill.order, refill.refill) == ("30", "77")
        must(named, f"a refill must hold its order and its own id as text, not {refill!r}")

    @promise("cancel")
    async def test_cancels(self, panel: ContractPanel) -> None:
        """`cancel` gives each order, in the order asked for, its acceptance or the panel's refusal."""
        values = await self._answered(panel, "cancel")
        cancellation = values["30"]
        named = isinstance(cancellation, Cancellation) and cancellation.order == "30"
        must(named, f"a cancellation must hold its order as text, not {cancellation!r}")

    @promise("refill")
    async def test_a_refill_without_an_answer(self, panel: ContractPanel) -> None:
        """A refill that the reply says nothing about is `OutcomeUnknown` as a value: it may have been taken."""
        await self._left_out(panel, "refill")

    @promise("cancel")
    async def test_a_cancel_without_an_answer(self, panel: ContractPanel) -> None:
        """A cancel that the reply says nothing about is `OutcomeUnknown` as a value: it may have been taken."""
        await self._left_out(panel, "cancel")

    @promise("refill")
    async def test_a_refill_with_an_unreadable_answer(self, panel: ContractPanel) -> None:
        """Refills whose reply is lost, a fault or nonsense are `OutcomeUnknown`, and are not asked for again."""
        await self._unreadable(panel, "refill")

    @promise("cancel")
    async def test_a_cancel_with_an_unreadable_answer(self, panel: ContractPanel) -> None:
        """Cancels whose reply is lost, a fault or nonsense are `OutcomeUnknown`, and are not asked for again."""
        await self._unreadable(panel, "cancel")

    async def _answered(self, panel: ContractPanel, action: str) -> Values:
        words = self.speech.words.get(REFUSALS[action], "Not this one")
        panel.about("2", No(words))
        async with self.connected(panel) as provider:
            values = await _ask(provider, action, [30, "2", 1, "30"])
        must(list(values) == ["30", "2", "1"], f"{action}: the keys must be 30, 2, 1, not {list(values)}")
        error = self.is_value(Refused, values["2"], of=f"a refused {action}")
        must(words in error.text, f"{action}: text must keep the panel's words, not {error.text!r}")
        if REFUSALS[action] in self.speech.words:
            self.is_value(REFUSALS[action], error, of=f"a refused {action}")
        must(isinstance(values["1"], KINDS[action]), f"{action}: the value must be {KINDS[action].__name__}")
        asked = [one for call in panel.acted for one in call.ids]
        must(sorted(asked) == ["1", "2", "30"], f"{action}: each order must be asked for once, not {asked}")
        return values

    async def _left_out(self, panel: ContractPanel, action: str) -> None:
        panel.about("2", None)
        async with self.connected(panel) as provider:
            values = await _ask(provider, action, ["1", "2", "3"])
        must(list(values) == ["1", "2", "3"], f"{action}: an order must not be left out: {list(values)}")
        error = self.is_value(OutcomeUnknown, values["2"], of=f"a {action} without an answer")
        must(not error.safe_to_repeat, f"{action}: nobody knows a {action} again, so safe_to_repeat must be False")
        for one in "13":
            must(isinstance(values[one], KINDS[action]), f"{action}: {one} must have its {KINDS[action].__name__}")
        must(len(panel.acted) == 1 or all(len(call.ids) == 1 for call in panel.acted), f"{action}: it was sent again")

    async def _unreadable(self, panel: ContractPanel, action: str) -> None:
        steps: dict[str, Step] = {**LOST, **FAULTS, **NONSENSE}
        async with self.connected(panel) as provider:
            for of, step in steps.items():
                panel.forget()
                panel.always(step)
                await self._is_unknown_whole(provider, action, of)
                asked = [one for call in panel.acted for one in call.ids]
                must(len(asked) == len(set(asked)), f"{action} answered by {of}: it was sent again: {asked}")

    async def _is_unknown_whole(self, provider: Provider, action: str, of: str) -> None:
        """One batch may raise; a value must stand for each id otherwise."""
        try:
            values = await _ask(provider, action, ["1", "2"])
        except OutcomeUnknown as error:
            self.keeps_the_key(error)
            return
        except SMMError as error:
            ended = f"{type(error).__name__} ({error})"
            raise AssertionError(f"{action} answered by {of} must be OutcomeUnknown, and ended in {ended}") from error
        must(list(values) == ["1", "2"], f"{action} answered by {of}: every order must have its value")
        for one, value in values.items():
            self.is_value(OutcomeUnknown, value, of=f"{action} of {one}, answered by {of},")
