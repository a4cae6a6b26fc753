"""A large catalog takes a quicker way than a small one, to the same values."""

import copy
import json
import pickle
import re
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import attrs
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from smmclient import Catalog, Service
from smmclient.dialect import V2, Unreadable
from smmclient.dialect.quick import ServiceRows, read_body
from smmclient.dialect.read import read_json
from smmclient.dialect.services import Pricing, read_services
from smmclient.wire import WireReply

#: Literals as JSON has them, because what a number looks like matters.
USUAL = {
    "service": [str(number) for number in range(1, 60)],
    "name": ['"Likes"', '" Views \\u2764 "'],
    "type": ['"Default"', '"Package"', '"custom_comments"'],
    "category": ['"Instagram"', "null"],
    "rate": ['"0.50"', '"12"', '"0.0100"', "0.24", "7"],
    "min": ["10", '"10"'],
    "max": ["500", '"5000"'],
    "refill": ["true", "false"],
    "cancel": ["true", "false"],
}
#: What is read by any field of a row, or by none.
TRAPS = [
    *('""', '" "', "null", "true", "false", '"null"', '"n/a"', '"-"', '"yes"', '"No"', '"30 days"', '"TRUE"', '" 1"'),
    *(
        "0",
        "1",
        "2",
        "-1",
        "-0",
        "7.0",
        "1.000",
        "12.5",
        "1e3",
        "1E-5",
        "1e400",
        "0.1e-30",
        "123456789.5",
        "1000000000",
    ),
    *('"0"', '"1"', '"-1"', '"+1"', '"007"', '"7.0"', '"1.000"', '"12.5"', '"1e3"', '"1_000"', '"٣"', '"½"', '" 12 "'),
    *('"1,234"', '"1,234.50"', '"1.234,50"', '"2,5"', '".5"', '"5."', '"1.2.3"', '"NaN"', '"Infinity"', '"-Infinity"'),
    *('"9999999999999.00"', '"999999999.99"', '"1000000000"', "0.24000000000000002", "12345678901234567890", '"0x10"'),
    *(
        '"123456789012345678901234567890123"',
        "[]",
        "{}",
        '["10"]',
        '{"a": 1}',
        '"a\\nb"',
        '"1\\n2"',
        '"\\u0031"',
        '"ask us"',
    ),
    *('"ord 1"', '"a,b"', '"srv_1"', "1000000000000000000", "-1000000000000000000000"),
]
FIELDS = [*USUAL, "dripfeed", "original_rate", "discount_percent", "rate1K", "id", "serviceId", "error", "desc"]
PRICINGS = [Pricing(), Pricing(units=1, package_units=1), Pricing(package_units=1, packages_bill_min=True)]


@st.composite
def _row(draw: st.DrawFn, number: int) -> str:
    fields = {name: draw(st.sampled_from(values)) for name, values in USUAL.items()}
    fields["service"] = str(number)
    for name in draw(st.lists(st.sampled_from(FIELDS), max_size=2)):
        if draw(st.booleans()):
            fields[name] = draw(st.sampled_from(TRAPS + USUAL["service"]))
        else:
            fields.pop(name, None)
    whole = "{" + ", ".join(f'"{name}": {value}' for name, value in fields.items()) + "}"
    return draw(st.sampled_from([whole] * 30 + ["null", "5", "[]", '"row"']))


@st.composite
def _bodies(draw: st.DrawFn) -> bytes:
    rows = [draw(_row(number)) for number in range(1, draw(st.integers(0, 24)))]
    usual = ["{" + ", ".join(f'"{name}": {values[0]}' for name, values in USUAL.items()) + "}"] * draw(
        st.integers(0, 30)
    )
    filler = [re.sub(r'"service": 1\b', f'"service": {900 + at}', row) for at, row in enumerate(usual)]
    body = "[" + ", ".join(draw(st.permutations(rows + filler))) + "]"
    return draw(st.sampled_from([body.encode()] * 20 + [body.encode()[:-3], b"\xef\xbb\xbf" + body.encode()]))


def _told(services: object) -> list[tuple[str, object]]:
    assert isinstance(services, (list, tuple))
    return [(repr(one), one.raw) for one in services]


TWINS = b'[{"service": 1, "rate": "1", "min": 1, "max": 2}, {"service": "1", "rate": "1", "min": 1, "max": 2}]'


@settings(max_examples=300, deadline=None)
@given(_bodies(), st.sampled_from(PRICINGS))
@example(TWINS, PRICINGS[0])
@example(b'[{"service": 1, "name": "\xff"}, {"service": 2}]', PRICINGS[0])
@example(b'[{"service": 1, "rate": "1", "min": 1, "max": 2, "x": "\xff\\ud800"}] [', PRICINGS[0])
def test_same_values(body: bytes, pricing: Pricing) -> None:
    """Whatever the rows are: the same services, problems and raw rows, in the same order and with the same digits."""
    quick = read_body(body, pricing)
    if quick is None:
        return
    services, problems = read_services(read_json(body), pricing)
    assert _told(list(quick[0])) == _told(list(services))
    assert [(repr(one), one.raw) for one in quick[1]] == [(repr(one), one.raw) for one in problems]
    assert quick[0].ids() == [one.id for one in services]


@pytest.mark.parametrize("field", FIELDS)
def test_one_odd_field(field: str) -> None:
    """One odd value in one row of three, whatever it is: the same services and problems either way."""
    for trap in TRAPS:
        rows = [{name: values[0] for name, values in USUAL.items()} | {"service": str(at)} for at in (7, 8, 9)]
        rows[1][field] = trap
        texts = ["{" + ",".join(f'"{name}":{value}' for name, value in row.items()) + "}" for row in rows]
        body = f"[{','.join(texts)}]".encode()
        quick = read_body(body, Pricing())
        services, problems = read_services(read_json(body), Pricing())
        assert quick is not None
        assert _told(list(quick[0])) == _told(list(services)), trap
        assert [(repr(one), one.raw) for one in quick[1]] == [(repr(one), one.raw) for one in problems], trap


def _body(count: int, **changes: str) -> bytes:
    row = {"name": "Likes", "type": "Default", "category": "A", "rate": "0.50", "min": 10, "max": "500", **changes}
    return json.dumps([{"service": number, **row} for number in range(1, count + 1)]).encode()


def _catalog(body: bytes) -> Catalog:
    return Catalog(*V2.read(WireReply(200, {}, body), V2.services()))


def test_what_takes_the_quick_way() -> None:
    """Rows as the convention has them do, texts or numbers; an object around them, one row and no rows do not."""
    assert read_body(_body(50), Pricing()) is not None
    assert read_body(_body(50, rate="ask us"), Pricing()) is not None
    for body in (b"[]", _body(1), b'{"services": %b}' % _body(2), b"", b"[", b"<html>", b'[1, 2, {"a": "\xff"}'):
        assert read_body(body, Pricing()) is None


def test_built_when_looked_at() -> None:
    """Each service is one value however it is reached, and a slice, an index from the end and an id reach the same."""
    catalog = _catalog(_body(100))
    assert (
        catalog[99] is catalog[-1] is catalog.get(100) is catalog.services[99] is catalog[90:][-1] is list(catalog)[99]
    )
    assert catalog.get(101) is None
    assert len(catalog) == 100
    with pytest.raises(IndexError):
        catalog[100]


def test_raw_rows() -> None:
    """``raw`` is the panel's row, unknown fields and exact numbers included, whatever rows were left out before it."""
    rows = [{"service": at, "rate": "x" if at == 2 else at / 8, "min": 1, "max": 5, "note": [at]} for at in range(1, 9)]
    catalog = _catalog(json.dumps(rows).encode())
    assert [one.row for one in catalog.problems] == [2]
    service = catalog.get(3)
    assert service is not None
    assert service.raw == {"service": 3, "rate": Decimal("0.375"), "min": 1, "max": 5, "note": [3]}
    assert service.rate == Decimal("0.375")


def test_copies() -> None:
    """A service that is copied or pickled takes its raw row along, and not the whole catalog."""
    service = _catalog(_body(2000))[1000]
    for twin in (
        pickle.loads(pickle.dumps(service)),
        copy.deepcopy(service),
        pickle.loads(pickle.dumps(copy.copy(service))),
    ):
        assert twin == service
        assert attrs.asdict(twin) == attrs.asdict(service)
        assert twin.raw == service.raw
    assert len(pickle.dumps(service)) < 2000


def test_stands_for_a_tuple() -> None:
    """The services equal a tuple of the same, and can be pickled before and after somebody has looked at them."""
    services = _catalog(_body(50)).services
    twin = pickle.loads(pickle.dumps(services))
    assert services == twin == tuple(services) == services
    assert services[7].raw == twin[7].raw
    assert pickle.loads(pickle.dumps(_catalog(_body(50)))).services == services
    assert services != twin[1:]
    assert services != _catalog(_body(50, rate="0.60")).services
    assert repr(services) == "<50 services>"


def test_prices_as_numbers() -> None:
    """Prices that are numbers take the quick way too, and keep the digits that they are written with."""
    body = _body(40).replace(b'"0.50"', b"0.240000000000000000000000000")
    services = V2.read(WireReply(200, {}, body), V2.services())[0]
    assert isinstance(services, ServiceRows)
    assert {str(one.rate) for one in services} == {"0.240000000000000000000000000"}
    assert services[3].raw == {**read_json(_body(40))[3], "rate": Decimal("0.240000000000000000000000000")}  # type: ignore[index]


def test_what_cannot_be_held() -> None:
    """A number too large for anything in a field that nobody needs spoils its row's ``raw``, which is text then."""
    for number in (b"1" * 5000, b"1e99999999999999999999"):
        body = _body(3).replace(b'"service": 2,', b'"service": 2, "note": ' + number + b",")
        catalog = _catalog(body)
        assert len(catalog) == 3
        assert isinstance(catalog[1].raw, str)
        assert isinstance(catalog[2].raw, dict)
    with pytest.raises(Unreadable):
        read_json(b'{"x": 1e99999999999999999999}')


def test_looked_at_by_many_threads() -> None:
    """Rows and services that several threads look at for the first time at once are right in each."""

    def look(catalog: Catalog) -> list[object]:
        return [one.raw["service"] for one in catalog[-20:] if isinstance(one.raw, dict)]

    with ThreadPoolExecutor(4) as threads:
        for _ in range(20):
            catalog = _catalog(_body(5000))
            asked = [threads.submit(look, catalog) for _ in range(4)]
            assert all(one.result() == list(range(4981, 5001)) for one in asked)


def test_a_service_of_ones_own() -> None:
    """A service made by hand has the raw row it was given, and none if it was given none."""
    service = Service("1", "Likes", "Default", None, Decimal(1), 1, 9, raw={"service": 1})
    assert service.raw == {"service": 1}
    assert Service("1", "Likes", "Default", None, Decimal(1), 1, 9).raw is None


def test_cut_body() -> None:
    """A body that is cut is no catalog, however many rows came."""
    body = _body(5000)
    for end in (len(body) - 1, len(body) // 2, 200):
        with pytest.raises(Unreadable):
            _catalog(body[:end])
