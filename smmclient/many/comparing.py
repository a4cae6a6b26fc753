"""Prices of several panels side by side. Pure.

The rules: a figure is compared only with figures of the same unit. 1,000 units, a package and a subscription are three
units, and so is every currency; where nobody said what a currency is, its panel stands alone. What is missing from a
comparison stands beside it.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from decimal import Decimal

from attrs import Attribute, field, frozen

from smmclient.catalog import Catalog, Problem, Service
from smmclient.errors import InvalidOrder, SMMError, UsageError
from smmclient.exact import EXACT
from smmclient.fields import check_count
from smmclient.forms import kind_of_type
from smmclient.many.asking import error_of
from smmclient.many.exchange import Exchange, currency_code
from smmclient.model import Balance
from smmclient.search import words_of

__all__ = ["Basis", "Comparison", "Offer", "Ranking", "Wanted", "compare"]

_THOUSAND = Decimal(1000)
_FLAGS = ("refill", "dripfeed", "cancel")


class Basis(enum.Enum):
    """What a price is the price of."""

    PER_1000 = "1000"
    PACKAGE = "package"
    SUBSCRIPTION = "subscription"


@frozen
class Offer:
    """A service of a panel, and what it costs there: exact, not rounded, in the panel's own ``currency``.

    ``price`` is that of 1,000 units, or of one package or subscription (`Ranking.basis`); None where the panel does not
    document what it bills for one. ``cost`` is the price of the quantity that was asked for. ``in_base`` is ``price``
    at the rates that were given. Bounds and flags are the service's: ``offer.service.min``, ``.refill`` …
    """

    panel: str
    service: Service
    currency: str | None
    price: Decimal | None
    cost: Decimal | None = None
    in_base: Decimal | None = None


@frozen
class Ranking:
    """Offers that can be compared with each other, the lowest price first, those without a price last.

    All are priced for the same ``basis``, in ``currency``. Where it is not known which that is, ``panel`` is set, and
    all offers are that panel's.
    """

    basis: Basis
    currency: str | None
    panel: str | None
    offers: tuple[Offer, ...]


@frozen
class Comparison:
    """What panels ask for the same thing: one `Ranking` for each unit in which prices can be compared.

    The first offer of a ranking is the cheapest *of the panels that answered*: see `is_complete`.
    """

    words: str
    quantity: int | None
    rankings: tuple[Ranking, ...]
    #: Panels whose catalog did not come: nothing of theirs is in the rankings.
    failures: Mapping[str, SMMError]
    #: Panels whose balance did not come, which would have told their currency: each is ranked by itself.
    currency_failures: Mapping[str, SMMError]
    #: By panel, the rows of its catalog that could not be read or ordered, and so are in no ranking.
    problems: Mapping[str, tuple[Problem, ...]]
    #: By panel, how many services were left out because its catalog does not say whether they have what was wanted.
    unsaid: Mapping[str, int]

    @property
    def is_complete(self) -> bool:
        """Whether every panel told its catalog and its currency."""
        return not self.failures and not self.currency_failures and not self.without_currency

    @property
    def without_currency(self) -> tuple[str, ...]:
        """The panels whose offers are ranked by themselves, because nobody said in what currency they are."""
        return tuple(dict.fromkeys(one.panel for one in self.rankings if one.panel is not None))


def _check_flag(wanted: object, at: Attribute[bool | None], value: bool | None) -> None:
    if value is not None and not isinstance(value, bool):
        raise UsageError(f"{at.name} is True, False or None, not {value!r}")


def _check_quantity(wanted: object, at: Attribute[int | None], value: int | None) -> None:
    if value is not None:
        try:
            check_count(value, "quantity")
        except InvalidOrder as error:
            # There is no order here.
            raise UsageError(error.message) from None


def _check_type(wanted: object, at: Attribute[str | None], value: str | None) -> None:
    if value is not None and (not isinstance(value, str) or not value.strip()):
        raise UsageError(f"type is a service type such as 'Default', not {value!r}")


@frozen(kw_only=True)
class Wanted:
    """What a service must have. None: it does not matter.

    A flag of True or False is met only by a service whose panel says so. With a ``quantity``, services that are not
    ordered by quantity (packages, subscriptions) are not wanted.
    """

    quantity: int | None = field(default=None, validator=_check_quantity)
    refill: bool | None = field(default=None, validator=_check_flag)
    dripfeed: bool | None = field(default=None, validator=_check_flag)
    cancel: bool | None = field(default=None, validator=_check_flag)
    type: str | None = field(default=None, validator=_check_type)

    def is_met_by(self, service: Service) -> bool | None:
        """Whether the service will do; None where only the panel knows, because its catalog leaves a flag out."""
        if self.quantity is not None and not (
            basis_of(service) is Basis.PER_1000 and service.min <= self.quantity <= service.max
        ):
            return False
        if self.type is not None and not _is_type(service.type, self.type):
            return False
        has: list[bool | None] = [
            None if getattr(service, flag) is None else getattr(service, flag) is getattr(self, flag)
            for flag in _FLAGS
            if getattr(self, flag) is not None
        ]
        return False if False in has else None if None in has else True


def _is_type(of_service: str, wanted: str) -> bool:
    if (kind := kind_of_type(wanted)) is not None:
        return kind_of_type(of_service) == kind
    return of_service.strip().casefold() == wanted.strip().casefold()


def basis_of(service: Service) -> Basis:
    """What the service's price is the price of, by its type. A type that nobody knows is sold by 1,000 units."""
    kind, name = kind_of_type(service.type), service.type.casefold()
    if kind in ("package", "commentspackage") or (kind is None and "package" in name):
        return Basis.PACKAGE
    if kind == "subscription" or (kind is None and "subscription" in name):
        return Basis.SUBSCRIPTION
    return Basis.PER_1000


def check_words(words: str) -> None:
    """Raise `UsageError` where there is nothing to look for."""
    if not isinstance(words, str) or not words_of(words):
        raise UsageError(f"say what to look for, such as 'instagram followers', not {words!r}")


def compare(
    words: str,
    catalogs: Mapping[str, Catalog | SMMError],
    balances: Mapping[str, Balance | SMMError],
    *,
    wanted: Wanted | None = None,
    exchange: Exchange | None = None,
) -> Comparison:
    """The services that hold every word (`Catalog.search`), ranked by price.

    Catalogs and balances are by panel; a balance tells the panel's currency, as no catalog does.
    """
    check_words(words)
    wanted = wanted or Wanted()
    failures = {panel: one for panel, one in catalogs.items() if isinstance(one, SMMError)}
    found = {panel: one for panel, one in catalogs.items() if not isinstance(one, SMMError)}
    offers: list[Offer] = []
    unsaid: dict[str, int] = {}
    for panel, catalog in found.items():
        balance = balances.get(panel)
        try:
            currency = currency_code(balance.currency) if isinstance(balance, Balance) else None
            fits = [(service, wanted.is_met_by(service)) for service in catalog.search(words)]
            mine = [_offer(panel, one, currency, wanted.quantity, exchange) for one, is_fit in fits if is_fit]
        except Exception as error:
            # A provider of somebody's own that gives values which are none: its fault is its own.
            failures[panel] = error_of(panel, "services", error)
            continue
        offers += mine
        if doubtful := sum(is_fit is None for _, is_fit in fits):
            unsaid[panel] = doubtful
    return Comparison(
        words=words,
        quantity=wanted.quantity,
        rankings=_ranked(offers, exchange),
        failures=failures,
        currency_failures={
            panel: one for panel, one in balances.items() if panel in found and isinstance(one, SMMError)
        },
        problems={panel: catalog.problems for panel, catalog in found.items() if catalog.problems},
        unsaid=unsaid,
    )


def _offer(
    panel: str, service: Service, currency: str | None, quantity: int | None, exchange: Exchange | None
) -> Offer:
    if not isinstance(service.rate, Decimal) or not service.rate.is_finite():
        raise TypeError(f"service {service.id} has no Decimal for a rate")
    is_counted = basis_of(service) is Basis.PER_1000
    units = 1000 if is_counted else service.package_units
    price = None if units is None else _price(service.rate, units)
    return Offer(
        panel,
        service,
        currency,
        price,
        cost=None if quantity is None else _price(service.rate, quantity),
        in_base=None if exchange is None or price is None else exchange.convert(price, currency),
    )


def _price(rate: Decimal, units: int) -> Decimal:
    return rate if units == 1000 else EXACT.divide(EXACT.multiply(rate, Decimal(units)), _THOUSAND)


def _ranked(offers: Iterable[Offer], exchange: Exchange | None) -> tuple[Ranking, ...]:
    groups: dict[tuple[Basis, str | None, str | None], list[Offer]] = {}
    for offer in offers:
        currency = offer.currency
        if exchange is not None and exchange.knows(currency):
            currency = exchange.base
        panel = offer.panel if currency is None else None
        groups.setdefault((basis_of(offer.service), currency, panel), []).append(offer)
    order = list(Basis)
    # Stable: between equals the best match comes first, in rankings as among them.
    keys = sorted(groups, key=lambda key: (order.index(key[0]), key[1] is None))
    return tuple(Ranking(*key, offers=tuple(sorted(groups[key], key=_by_price))) for key in keys)


def _by_price(offer: Offer) -> tuple[bool, Decimal]:
    price = offer.price if offer.in_base is None else offer.in_base
    return price is None, Decimal(0) if price is None else price
