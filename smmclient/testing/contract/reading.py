"""What is read: exact amounts, ids as text, everything that was asked for, and nothing that was not said."""

from __future__ import annotations

import time
from collections.abc import Mapping

from smmclient.catalog import Catalog
from smmclient.dialect.capabilities import Support
from smmclient.errors import AuthenticationFailed, Malformed, Refused, UnknownOrder, UsageError
from smmclient.model import Balance, OrderState, OrderStatus
from smmclient.provider import Provider
from smmclient.testing.contract.base import ContractBase, exact, must, promise
from smmclient.testing.contract.panel import STATUS, ContractPanel, Step, does, refuses
from smmclient.testing.contract.prices import counted
from smmclient.testing.contract.server import Sent
from smmclient.testing.contract.speech import Call, No

__all__ = ["Reading"]

#: The second has a rate that is none.
SERVICES: list[Mapping[str, object]] = [
    {
        "service": 1,
        "name": "Followers",
        "type": "Default",
        "category": "A",
        "rate": "0.90",
        "min": "50",
        "max": "10000",
    },
    {"service": 2, "name": "Broken", "type": "Default", "category": "A", "rate": "gratis", "min": "1", "max": "10"},
    {
        "service": 3,
        "name": "Likes",
        "type": "Default",
        "category": "B",
        "rate": "1234567.000000000001",
        "min": 1,
        "max": 9,
    },
]


class Reading(ContractBase):
    """Balance, catalog and orders."""

    # ------------------------------------------------------------------------------------------ balance and services

    @promise()
    async def test_the_balance_is_exact(self, panel: ContractPanel) -> None:
        """A balance is a Decimal with every digit that the panel sent, and says when it was fetched."""
        async with self.connected(panel) as provider:
            balance = await provider.balance()
        must(isinstance(balance, Balance), f"balance() must give a Balance, not {balance!r}")
        exact(balance.amount, panel.amount, "amount")
        must(balance.currency in (None, panel.currency), f"currency must be {panel.currency}, not {balance.currency}")
        must(abs(balance.fetched_at - time.time()) < 60, "fetched_at must be in seconds since the epoch")
        must(balance.max_age >= 0, "max_age must be seconds")

    @promise()
    async def test_a_refreshed_balance_is_asked_for(self, panel: ContractPanel) -> None:
        """``refresh=True`` asks the panel each time, whatever is kept."""
        async with self.connected(panel) as provider:
            await provider.balance()
            panel.amount = "7.25"
            exact((await provider.balance(refresh=True)).amount, "7.25", "the refreshed amount")
        must(len(panel.asked("balance")) == 2, "balance(refresh=True) must ask the panel")

    @promise()
    async def test_the_catalog_is_exact(self, panel: ContractPanel) -> None:
        """`services` gives a Catalog: ids as text, rates as Decimal with every digit, minimum and maximum as int."""
        panel.rows = SERVICES
        async with self.connected(panel) as provider:
            catalog = await provider.services()
        must(isinstance(catalog, Catalog), f"services() must give a Catalog, not {catalog!r}")
        must([service.id for service in catalog] == ["1", "3"], f"ids must be text, in the panel's order: {catalog!r}")
        for service, row in ((catalog[0], SERVICES[0]), (catalog[1], SERVICES[2])):
            exact(service.rate, str(row["rate"]), "rate")
            bounds = (service.min, service.max)
            must(
                bounds == (int(str(row["min"])), int(str(row["max"]))), f"min and max must be the panel's, not {bounds}"
            )
            must(service.name == row["name"], f"the name must be the panel's, not {service.name!r}")

    @promise()
    async def test_a_row_that_cannot_be_read_is_a_problem(self, panel: ContractPanel) -> None:
        """A catalog row that cannot be read is listed in `problems` by its number, and costs no other row."""
        panel.rows = SERVICES
        async with self.connected(panel) as provider:
            catalog = await provider.services()
        rows = [problem.row for problem in catalog.problems]
        must(rows == [2] and len(catalog) == 2, f"problems must name row 2 alone, not {rows}")

    @promise()
    async def test_the_catalog_is_kept(self, panel: ContractPanel) -> None:
        """A catalog is kept, is fetched anew with ``refresh=True``, and each time with ``cache=False``."""
        async with self.connected(panel) as provider:
            await provider.services()
            await provider.services()
            must(len(panel.asked("services")) == 1, "services() must not ask again within the hour")
            await provider.services(refresh=True)
            must(len(panel.asked("services")) == 2, "services(refresh=True) must ask")
            twin = provider.with_settings(cache=False)
            await twin.services()
            await twin.services()
            must(len(panel.asked("services")) == 4, "with cache=False every call must ask")

    # ---------------------------------------------------------------------------------------------------- the orders

    @promise()
    async def test_an_order_status_is_exact(self, panel: ContractPanel) -> None:
        """A status has the order as text and the panel's own word, and the numbers that the panel told, as int."""
        async with self.connected(panel) as provider:
            status = await provider.order_status(7)
        must(isinstance(status, OrderStatus), f"order_status() must give an OrderStatus, not {status!r}")
        must(status.order == "7", f"order must be the text '7', not {status.order!r}")
        said = (status.state, status.raw_state)
        must(said == (OrderState.IN_PROGRESS, STATUS["status"]), f"state and raw_state are wrong: {said}")
        counted(status, self.speech.status_tells)

    @promise()
    async def test_an_unknown_state_is_kept(self, panel: ContractPanel) -> None:
        """A word for a state that nobody knows is UNKNOWN, with the word in `raw_state`, and is not final."""
        panel.about("7", {**STATUS, "status": "Levitating"})
        async with self.connected(panel) as provider:
            status = await provider.order_status("7")
        said = (status.state, status.raw_state)
        must(said == (OrderState.UNKNOWN, "Levitating"), f"an unknown word must be kept, not read as {said}")

    @promise()
    async def test_the_status_of_a_refused_id(self, panel: ContractPanel) -> None:
        """`order_status` of an id that the panel does not know raises `UnknownOrder`, with the panel's words."""
        words = self.words_for(UnknownOrder)
        panel.about("404", No(words))
        async with self.connected(panel) as provider:
            error = await self.ends_in(UnknownOrder, provider.order_status("404"), of="the status of an unknown order")
        must(words in error.text, f"text must keep the panel's words, not {error.text!r}")

    @promise()
    async def test_statuses_keep_the_order_asked_for(self, panel: ContractPanel) -> None:
        """`order_statuses` gives every id, as text, in the order asked for, and asks for each id once."""
        async with self.connected(panel) as provider:
            statuses = await provider.order_statuses([30, "1", 2, "30", 1])
            must(list(statuses) == ["30", "1", "2"], f"the keys must be 30, 1, 2, not {list(statuses)}")
            for one, status in statuses.items():
                must(isinstance(status, OrderStatus) and status.order == one, f"{one} must have its own status")
            must(await provider.order_statuses([]) == {}, "no ids must give nothing")
        asked = [one for call in panel.calls for one in call.ids]
        must(sorted(asked) == ["1", "2", "30"], f"each id must be asked for once, not {asked}")

    @promise()
    async def test_a_refused_id_is_a_value(self, panel: ContractPanel) -> None:
        """An id that the panel refuses among others is an error as a value with the panel's words, no exception."""
        words = self.words_for(UnknownOrder)
        panel.about("404", No(words))
        async with self.connected(panel) as provider:
            statuses = await provider.order_statuses(["1", "404", "2"])
        must(list(statuses) == ["1", "404", "2"], f"a refused id must not be left out: {list(statuses)}")
        error = self.is_value(UnknownOrder, statuses["404"], of="a refused id")
        must(words in error.text, f"text must keep the panel's words, not {error.text!r}")
        must(all(isinstance(statuses[one], OrderStatus) for one in "12"), "the other ids must have their statuses")

    @promise()
    async def test_a_missing_id_is_malformed(self, panel: ContractPanel) -> None:
        """An id that the reply says nothing about is `Malformed` as a value: not left out, not guessed."""
        panel.about("2", None)
        async with self.connected(panel) as provider:
            statuses = await provider.order_statuses(["1", "2", "3"])
        must(list(statuses) == ["1", "2", "3"], f"a missing id must not be left out: {list(statuses)}")
        self.is_value(Malformed, statuses["2"], of="an id without an answer")
        must(all(isinstance(statuses[one], OrderStatus) for one in "13"), "the other ids must have their statuses")

    @promise()
    async def test_batches_are_what_the_panel_takes(self, panel: ContractPanel) -> None:
        """Many ids are asked for in batches that the panel takes, and none is lost or asked for twice."""
        ids = [str(number) for number in range(1, 2 * self.batch_size + 2)]
        async with self.connected(panel, cache=False) as provider:
            most = self.batch_size if provider.capabilities.status_batch is not Support.NO else 1
            ids = ids if most > 1 else ids[:5]
            statuses = await provider.order_statuses(ids)
        must(list(statuses) == ids, "every id must have its value, in the order asked for")
        must(all(isinstance(one, OrderStatus) for one in statuses.values()), "every id must have its status")
        sizes = [len(call.ids) for call in panel.calls]
        must(max(sizes) <= most, f"a call must ask for at most {most} ids, not {max(sizes)}")
        must(sum(sizes) == len(ids), "no id must be asked for twice")

    @promise()
    async def test_a_failed_batch_costs_no_other(self, panel: ContractPanel) -> None:
        """With several batches, the refusal of one is the value of its ids, and the others have their statuses."""
        ids = [str(number) for number in range(1, self.batch_size + 3)]
        panel.always(_refuses_about(ids[-1], self.words_for(AuthenticationFailed)))
        async with self.connected(panel) as provider:
            batched = provider.capabilities.status_batch is not Support.NO
            ids = ids if batched else ids[-3:]
            statuses = await provider.order_statuses(ids)
        must(list(statuses) == ids, "every id must have its value")
        self.is_value(AuthenticationFailed, statuses[ids[-1]], of="an id of the refused batch")
        must(isinstance(statuses[ids[0]], OrderStatus), "an id of another batch must have its status")

    @promise()
    async def test_a_refused_batch_alone_raises(self, panel: ContractPanel) -> None:
        """With one batch, a refusal of the whole call (the key, say) is raised."""
        panel.always(refuses(self.words_for(AuthenticationFailed)))
        async with self.connected(panel) as provider:
            ids = ["1", "2"] if provider.capabilities.status_batch is not Support.NO else ["1"]
            await self.ends_in(AuthenticationFailed, provider.order_statuses(ids), of="a call with a refused key")

    @promise()
    async def test_an_id_that_is_none_is_not_sent(self, panel: ContractPanel) -> None:
        """An id that is empty, or that a panel could take for several, is a `UsageError` before anything is sent."""
        async with self.connected(panel) as provider:
            for bad in ("", "1,2", "1 2", -1):
                await self.ends_in(UsageError, provider.order_statuses(["1", bad]), of=f"the id {bad!r}")
                await self.ends_in(UsageError, provider.order_status(bad), of=f"the id {bad!r}")
        must(panel.server.count_connections() == 0, "an id that is none must not be sent")

    @promise("refill_status")
    async def test_refill_statuses(self, panel: ContractPanel) -> None:
        """`refill_statuses` gives every refill its state, or the panel's refusal, in the order asked for."""
        panel.about("8", No("Incorrect refill ID"))
        panel.about("9", "Levitating")
        async with self.connected(panel) as provider:
            values = await provider.refill_statuses(["9", "8", 7])
        must(list(values) == ["9", "8", "7"], f"the keys must be 9, 8, 7, not {list(values)}")
        self.is_value(Refused, values["8"], of="a refused refill")
        states = [(getattr(values[one], "state", None), getattr(values[one], "raw_state", None)) for one in "79"]
        words = [(getattr(state, "name", None), word) for state, word in states]
        must(words == [("COMPLETED", "Completed"), ("UNKNOWN", "Levitating")], f"the states are wrong: {words}")

    # -------------------------------------------------------------------------------------------------------- track

    @promise()
    async def test_tracking_ends_with_the_last_order(self, panel: ContractPanel) -> None:
        """`track` gives each order's first status and each change, and ends when all are final."""
        done = {**STATUS, "status": "Completed", "remains": "0"}
        panel.about("1", STATUS, STATUS, done)
        panel.about("2", done)
        seen: list[tuple[str, OrderState]] = []
        async with self.connected(panel) as provider:
            async for status in provider.track(["1", "2"], every=0.01, patience=1.0):
                seen.append((status.order, status.state))
        begun, over = ("1", OrderState.IN_PROGRESS), OrderState.COMPLETED
        must(sorted(seen, key=str) == sorted([begun, ("2", over), ("1", over)], key=str), f"track() gave {seen}")

    @promise()
    async def test_tracking_a_refused_id(self, panel: ContractPanel) -> None:
        """`track` follows the others to their end before it raises the refusal of an id."""
        panel.about("404", No(self.words_for(UnknownOrder)))
        panel.about("1", STATUS, STATUS, STATUS, STATUS, {**STATUS, "status": "Completed"})
        seen: list[OrderState] = []

        async def follow(provider: Provider) -> None:
            async for status in provider.track(["404", "1"], every=0.01, patience=1.0):
                seen.append(status.state)

        async with self.connected(panel) as provider:
            await self.ends_in(UnknownOrder, follow(provider), of="tracking an unknown order")
        must(seen[-1:] == [OrderState.COMPLETED], f"the other order must be followed to its end, not {seen}")


def _refuses_about(one: str, words: str) -> Step:
    """Refuse every call that asks about that id."""

    def step(panel: ContractPanel, call: Call) -> Sent:
        return panel.speech.refusal(call, words) if one in call.ids else does(panel, call)

    return step
