"""A panel's catalog: its services, the rows that could not be read, and what is found in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import cached_property
from types import MemberDescriptorType
from typing import TYPE_CHECKING, Protocol, cast, overload, runtime_checkable

import attrs
from attrs import field, frozen

from smmclient.exact import EXACT
from smmclient.search import rank

if TYPE_CHECKING:
    from smmclient.orders import AnyOrder

__all__ = ["Catalog", "CatalogDiff", "Problem", "Service", "ServiceChange"]


@frozen
class Service:
    """One line of the catalog. ``rate`` is the price of 1,000 units in the account's currency.

    ``original_rate`` and ``discount_percent`` are there when the panel tells the price before the key's discount;
    ``rate`` is already discounted. The flags are None where the panel does not say.
    """

    id: str
    name: str
    type: str
    category: str | None
    rate: Decimal
    min: int
    max: int
    refill: bool | None = None
    cancel: bool | None = None
    dripfeed: bool | None = None
    original_rate: Decimal | None = None
    discount_percent: Decimal | None = None
    #: Units that the panel bills for a package of this service; None where it does not document that.
    package_units: int | None = None
    raw: object = field(default=None, repr=False, eq=False)

    @property
    def kind(self) -> str | None:
        """The short name of the kind of order that the service takes, such as ``"comments"``.

        None where its type does not say for certain: then ask the panel what the service needs.

        >>> from decimal import Decimal
        >>> from smmclient import Service
        >>> Service("1", "Comments", "Custom Comments", None, Decimal("9.50"), 10, 500).kind
        'comments'
        """
        # Here, because forms reads services.
        from smmclient.forms import kind_of_type

        return kind_of_type(self.type)

    def cost(self, order: AnyOrder) -> Decimal | None:
        """What the order costs at this rate: exact, not rounded, in the account's currency.

        A drip-feed costs all its runs. None where nobody can know before placing it: a package or a subscription
        on a panel that does not document what it bills, or a `RawOrder`. Coupons are not counted in.

        >>> from decimal import Decimal
        >>> from smmclient import Order, Service
        >>> service = Service("1", "Followers", "Default", None, Decimal("0.50"), 10, 5000)
        >>> service.cost(Order(service=1, link="https://example.com/p", quantity=1500))
        Decimal('0.75')
        """
        if str(order.service) != self.id:
            raise ValueError(f"the order is for service {order.service}, not {self.id}")
        units = self.package_units if order.billed_as_package else order.units
        # In a context of our own: the caller's may round to a few digits.
        return None if units is None else EXACT.divide(EXACT.multiply(self.rate, Decimal(units)), Decimal(1000))


class _Raw:
    """The field ``raw`` of a `Service`, which may hold a function that gives the row of an id: called when looked at.

    To decode the rows of a large catalog takes longer than all the rest, and few look at them.
    """

    def __init__(self, slot: MemberDescriptorType) -> None:
        self._slot = slot

    def __get__(self, service: Service | None, owner: type[Service]) -> object:
        if service is None:
            return self
        row = self._slot.__get__(service, owner)
        if callable(row):
            row = row(service.id)
            self._slot.__set__(service, row)
        return row

    def __set__(self, service: Service, row: object) -> None:
        # By what attrs generates, and by `read_later`; to anybody else the class is frozen.
        self._slot.__set__(service, row)


_raw = _Raw(cast("MemberDescriptorType", Service.raw))
Service.raw = _raw


def read_later(service: Service, row_of: Callable[[str], object]) -> Service:
    """The service, whose ``raw`` is what the function gives for its id when it is looked at."""
    _raw.__set__(service, row_of)
    return service


@frozen
class Problem:
    """A catalog row that is no service one could order: its number from 1, the field, and why. ``raw`` is the row.

    A field cannot be read, min is above max, the price stands for "not for sale", or another row has the same id.
    """

    row: int
    field: str | None
    reason: str
    raw: object = attrs.field(default=None, repr=False, eq=False)
    #: The service's id, where that could be read.
    service: str | None = None


@runtime_checkable
class HasIds(Protocol):
    """Services that can tell their ids without being built."""

    def ids(self) -> list[str]:
        """The ids, in order."""
        ...


@frozen(eq=False)
class Catalog(Sequence[Service]):
    """The services of a panel, in the panel's order, fetched at ``fetched_at``.

    ``problems`` lists the rows that could not be read; no row is dropped without a trace. All rows are checked when
    the catalog is read; each `Service` of a large one is built when it is first looked at.
    """

    services: Sequence[Service]
    problems: tuple[Problem, ...] = ()
    fetched_at: float = 0.0

    @cached_property
    def _places(self) -> Mapping[str, int]:
        """Where the service of each id stands; the first, if there are several."""
        ids = self.services.ids() if isinstance(self.services, HasIds) else [one.id for one in self.services]
        return {one: len(ids) - 1 - back for back, one in enumerate(reversed(ids))}

    def __repr__(self) -> str:
        return f"<Catalog: {len(self)} services, {len(self.problems)} problems>"

    def __len__(self) -> int:
        return len(self.services)

    def __iter__(self) -> Iterator[Service]:
        return iter(self.services)

    @overload
    def __getitem__(self, index: int) -> Service: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Service, ...]: ...
    def __getitem__(self, index: int | slice) -> Service | tuple[Service, ...]:
        found = self.services[index]
        return found if isinstance(found, Service) else tuple(found)

    def get(self, service: int | str) -> Service | None:
        """The service with that id, or None; ``catalog[0]`` is the first line instead."""
        place = self._places.get(str(service))
        return None if place is None else self.services[place]

    def problem(self, service: int | str) -> Problem | None:
        """Why the service with that id is not in the catalog, where a row for it could not be read."""
        return next((one for one in self.problems if one.service == str(service)), None)

    def diff(self, older: Catalog) -> CatalogDiff:
        """What has changed since an older catalog of the same panel.

        >>> from attrs import evolve
        >>> from decimal import Decimal
        >>> from smmclient import Catalog, Service
        >>> likes = Service("1", "Likes", "Default", None, Decimal("0.50"), 10, 5000)
        >>> for change in Catalog((evolve(likes, rate=Decimal("0.60")),)).diff(Catalog((likes,))).prices:
        ...     print(f"{change.after.name}: {change.before.rate} -> {change.after.rate}")
        Likes: 0.50 -> 0.60
        """
        lost = [service for service in older if service.id not in self._places]
        unreadable = {one.service for one in self.problems}
        pairs = [(older.get(service.id), service) for service in self]
        return CatalogDiff(
            added=tuple(after for before, after in pairs if before is None),
            removed=tuple(service for service in lost if service.id not in unreadable),
            unreadable=tuple(service for service in lost if service.id in unreadable),
            changed=tuple(
                ServiceChange(before, after) for before, after in pairs if before is not None and before != after
            ),
        )

    def search(self, words: str) -> list[Service]:
        """The services that hold every word, in name, category or type, the best match first.

        >>> from decimal import Decimal
        >>> from smmclient import Catalog, Service
        >>> catalog = Catalog((Service("1", "Instagram Followers", "Default", None, Decimal(1), 1, 9),))
        >>> [service.id for service in catalog.search("followers insta")]
        ['1']
        """
        texts = [(service.name, f"{service.category or ''} {service.type} {service.id}") for service in self]
        return [self.services[index] for index in rank(words, texts)]


@frozen
class ServiceChange:
    """One service before and after; ``fields`` names what is not the same."""

    before: Service
    after: Service

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the fields that have changed."""
        compared = [one.name for one in attrs.fields(Service) if one.eq]
        return tuple(name for name in compared if getattr(self.before, name) != getattr(self.after, name))


@frozen(kw_only=True)
class CatalogDiff:
    """What has changed between two catalogs; it is false if nothing has.

    ``unreadable`` are services whose row cannot be read any more: they may well still be sold. ``changed`` has every
    change, in words too; ``prices`` and ``limits`` are those of the rate, and of min or max.
    """

    added: tuple[Service, ...] = ()
    removed: tuple[Service, ...] = ()
    unreadable: tuple[Service, ...] = ()
    changed: tuple[ServiceChange, ...] = ()

    @property
    def prices(self) -> tuple[ServiceChange, ...]:
        """The changes of a rate."""
        return tuple(one for one in self.changed if one.before.rate != one.after.rate)

    @property
    def limits(self) -> tuple[ServiceChange, ...]:
        """The changes of a min or max."""
        return tuple(one for one in self.changed if (one.before.min, one.before.max) != (one.after.min, one.after.max))

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.unreadable or self.changed)
