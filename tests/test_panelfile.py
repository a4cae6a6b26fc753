"""Panels as data: what a file of panels may say, how it is refused, and what its knobs do."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path

import pytest

import smmclient
from smmclient import (
    ConfigError,
    InsufficientFunds,
    Limit,
    Order,
    OutcomeUnknown,
    PackageOrder,
    Provider,
    Scope,
    Support,
    Unsupported,
    UsageError,
    connect,
    load_panels,
    registry,
)
from smmclient.dialect import Dialect, Fault
from smmclient.panelfile import panels_path, read_panels
from smmclient.places import is_there
from smmclient.testing import ScriptedTransport, reply

pytestmark = pytest.mark.anyio
LINK = "https://example.com/p"
ROW = {"service": 1, "name": "N", "type": "Package", "category": "C", "rate": "57500", "min": "1", "max": "9"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file is."""
    return tmp_path / "panels.toml"


def one(path: Path, knobs: str = "", *, address: str = 'base_url = "https://p.example/api/v2"') -> Dialect:
    """The one panel of a file with these knobs."""
    path.write_text(f"[mypanel]\n{address}\n{knobs}\n", "utf-8")
    return read_panels(path)["mypanel"]


def panel(path: Path, knobs: str, transport: ScriptedTransport) -> Provider:
    """A provider for the panel of a file with these knobs."""
    one(path, knobs)
    load_panels(path)
    return connect("mypanel", api_key="k-123456", transport=transport)


# ------------------------------------------------------------------------------------------------------ made known


def test_a_loaded_panel_is_known_by_its_name(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its key is looked for under its own name, and it is called at its own address."""
    path.write_text('[cheap]\nbase_url = "https://c.example/api"\n[other]\nbase_url = "https://o.example/api"\n')
    assert list(load_panels(path)) == ["cheap", "other"]
    assert {"cheap", "other"} <= {*smmclient.providers()}
    monkeypatch.setenv("CHEAP_API_KEY", "k-123456")
    provider = connect("cheap")
    assert (provider.name, provider.base_url) == ("cheap", "https://c.example/api")


def test_a_file_with_a_mistake_makes_nothing_known(path: Path) -> None:
    """Half a file would be a surprise later on."""
    path.write_text('[fine]\nbase_url = "https://c.example/api"\n[bad]\nbase_url = 5\n')
    with pytest.raises(ConfigError, match=r"panels.toml: \[bad\] needs base_url"):
        load_panels(path)
    assert "fine" not in smmclient.providers()


def test_without_a_path_the_file_of_the_command_line_is_loaded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An application and ``smm`` can know the same panels."""
    monkeypatch.setenv("SMM_PANELS", str(path))
    one(path)
    assert list(load_panels()) == ["mypanel"]
    assert panels_path({"XDG_CONFIG_HOME": "/etc/x"}) == Path("/etc/x/smmclient/panels.toml")


# ------------------------------------------------------------------------------------------------------ refused files


@pytest.mark.parametrize(
    ("knobs", "said"),
    [
        ("batchsize = 3", "no knob 'batchsize': did you mean 'batch_size'?"),
        ("wibble = 3", "no knob 'wibble': there are base_url, path, batch_size"),
        ('api_key = "abc"', "keys do not belong here"),
        ('token = "abc"', "keys do not belong here"),
        ("batch_size = 0", "batch_size: it must be a whole number from 1 to 1,000,000, not 0"),
        ('batch_size = "50"', "batch_size: it must be a whole number from 1 to 1,000,000, not '50'"),
        ("batch_size = 2000000", "batch_size: it must be a whole number from 1 to 1,000,000, not 2000000"),
        ("batch_size = true", "batch_size: it must be a whole number"),
        ("package_rate_per = 10", "package_rate_per: it must be 1, 100 or 1000"),
        ("rate_per = 1.0", "rate_per: it must be 1, 100 or 1000"),
        ('order_ids = "hex"', "order_ids: it must be 'text' or 'number'"),
        ("tells_limits = 1", "tells_limits: it must be true or false"),
        ("limits = 100", "limits: it must be a list such as"),
        ("limits = [{ per = 60 }]", "limits: a limit has rate"),
        ("limits = [{ rate = 5, in = 60 }]", "limits: a limit has rate"),
        ("limits = [{ rate = 5, per = 0 }]", "limits: per must be a number of seconds above 0"),
        ('limits = [{ rate = 5, scope = "all" }]', "limits: scope: it must be 'key' or 'ip'"),
        ('features = { refil = "no" }', "features: there is no feature 'refil': did you mean 'refill'?"),
        ("limits = [{ rate = 0 }]", "limits: rate: it must be a whole number"),
        (
            'features = { refill = "maybe" }',
            "features: refill: it must be 'yes' or 'no' or 'undocumented', not 'maybe'",
        ),
        ('features = { request_id = "yes" }', "request_id cannot be claimed in a file"),
        ("features = { webhooks = true }", "webhooks cannot be claimed in a file"),
        ('refusals = { "No credit" = "NoMoney" }', "'No credit' cannot mean 'NoMoney'"),
        ('refusals = { "Slow down" = "RateLimited" }', "'Slow down' cannot mean 'RateLimited'"),
        ('headers = { Authorization = "Bearer x" }', "Authorization: what proves who you are does not belong here"),
        ('headers = { X-Api-Key = "x" }', "X-Api-Key: what proves who you are"),
        ('headers = { "X Y" = "x" }', "headers: the header 'X Y' cannot be sent"),
        ('headers = { Content-Length = "1" }', "headers: Content-Length: that header follows"),
        ('headers = { host = "q.example" }', "headers: host: that header follows from the request"),
        ('headers = { Content-Type = "text/plain" }', "headers: Content-Type: that header follows from the request"),
        ("headers = { X-Client = 5 }", "headers: X-Client: it must be text"),
        ("packages_bill_min = true\npackage_rate_per = 1", "package_rate_per and packages_bill_min: they give"),
        ('headrs = { X-Client = "a" }', "no knob 'headrs': did you mean 'headers'?"),
        ('list_only = "cancel"', "list_only: it must be a list"),
        ('list_only = ["add"]', "list_only: it must be 'status' or"),
        ('path = "/api"', "path: base_url has one already"),
    ],
)
def test_a_wrong_knob_is_named(path: Path, knobs: str, said: str) -> None:
    """With the file, the panel, the knob, and what it may be."""
    with pytest.raises(ConfigError) as raised:
        one(path, knobs)
    assert str(raised.value).startswith(f"{path}: [mypanel] ")
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[mypanel\n", "is not a TOML file"),
        ("[mypanel]\n", 'needs base_url = "https://'),
        ('[mypanel]\nbase_url = "http://p.example/api"\n', "base_url must be https"),
        ('[mypanel]\nbase_url = "p.example/api"\n', "must be an absolute http"),
        ('[mypanel]\nbase_url = "https://[p"\n', "base_url is not a URL"),
        ('[mypanel]\nbase_url = "https://p.example"\npath = "api"\n', "path: it must be text such as"),
        ('["My Panel"]\nbase_url = "https://p.example"\n', "[My Panel] is no name for a panel"),
        ('[notpanel]\nbase_url = "https://p.example"\n', "[notpanel] is an installed provider"),
        ('[v2]\nbase_url = "https://p.example"\n', "[v2] is an installed provider"),
        (
            '[a.b]\nbase_url = "https://p.example"\n',
            "[a] has no knob 'b': a panel whose name has dots stands in quotes",
        ),
        ("[pp]\n[pp]\n", "is not a TOML file: [pp] stands there twice (at line 2"),
        ('[pp]\npath = "/a"\npath = "/b"\n', "a name stands there twice (at line 3"),
        ('[pp]\nbase_url = "https://q.example?x=1"\n', "base_url has a query and no path"),
        ('[pp]\nbase_url = "https://q.example/api?Api-Key=s3cret"\n', "base_url must not hold a key in its query"),
        ('base_url = "https://p.example"\n', "base_url stands outside of a table"),
        ('[a-b]\nbase_url = "https://p.example"\n[a_b]\nbase_url = "https://q.example"\n', "both take their key from"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(path: Path, text: str, said: str) -> None:
    """No key is ever sent to an address that somebody mistyped."""
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigError) as raised:
        read_panels(path)
    assert str(path) in str(raised.value)
    assert said in str(raised.value)
    assert "s3cret" not in str(raised.value)


def test_a_missing_file_says_how_to_begin_one(path: Path) -> None:
    """`load_panels` is not silent about a path that is wrong."""
    with pytest.raises(ConfigError, match="smm panels add"):
        load_panels(path)


@pytest.mark.parametrize("name", ["", "x" * 300, "a\0b", "n/o/n/e"])
def test_a_path_that_can_be_no_file_says_so(tmp_path: Path, name: str) -> None:
    """A folder, a name that is too long, and one that no file can have: an error of ours, whatever the system says."""
    with pytest.raises(ConfigError, match=r"cannot be read|is no path|there is no file"):
        load_panels(str(tmp_path / name))


def test_a_path_may_begin_at_home(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``~`` stands for the home folder, in a path that is given as in the variable; ``~nobody`` is an error."""
    one(path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert list(load_panels("~/panels.toml")) == ["mypanel"]
    monkeypatch.setenv("SMM_PANELS", "~/panels.toml")
    assert list(load_panels()) == ["mypanel"]
    with pytest.raises(ConfigError, match="nobody's home folder is '~no-such-user'"):
        load_panels("~no-such-user/p.toml")
    with pytest.raises(ConfigError, match="SMM_PANELS: nobody's home folder"):
        panels_path({"SMM_PANELS": "~no-such-user/p.toml"})


def test_without_a_home_folder_the_variable_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some containers run as a user that nobody knows."""

    def fail(path: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", fail)
    with pytest.raises(ConfigError, match="set HOME, or SMM_PANELS to its path"):
        panels_path({})


def test_a_file_that_cannot_be_looked_at_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that is shut, a name that is too long: whoever asks whether the file is there is told why not."""
    assert (is_there(tmp_path), is_there(tmp_path / "none"), is_there(tmp_path / "none" / "at")) == (True, False, False)
    with pytest.raises(ConfigError, match="cannot be looked at: File name too long"):
        is_there(tmp_path / ("x" * 300))

    def shut(path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "stat", shut)
    with pytest.raises(ConfigError, match="cannot be looked at: Permission denied"):
        is_there(tmp_path / "panels.toml")


def test_a_name_that_the_application_registered_is_not_taken_over(path: Path) -> None:
    """Its key would go to another address without a word; the same address does no harm, nor does a second load."""
    smmclient.register("mypanel", Dialect(name="mypanel", base_url="https://mine.example/api/v2"))
    one(path)
    with pytest.raises(ConfigError, match=r"'mypanel' is registered already, and not for https://p\.example/api/v2"):
        load_panels(path)
    assert connect("mypanel", api_key="k").base_url == "https://mine.example/api/v2"
    one(path, address='base_url = "https://mine.example"')
    load_panels(path)
    assert list(load_panels(path)) == ["mypanel"]


def test_a_registered_provider_of_unknown_address_is_not_taken_over(path: Path) -> None:
    """What a callable connects to, nobody can tell from here; and none of the file's panels is made known."""
    smmclient.register("mypanel", "smmclient_notpanel:NOTPANEL")
    path.write_text('[first]\nbase_url = "https://f.example"\n[mypanel]\nbase_url = "https://p.example"\n')
    with pytest.raises(ConfigError, match="'mypanel' is registered already"):
        load_panels(path)
    assert "first" not in smmclient.providers()


def test_no_two_providers_take_their_key_from_one_variable(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed ``my-panel``, or a registered one, beside ``my_panel`` of a file would get each other's key."""
    path.write_text('[my_panel]\nbase_url = "https://p.example"\n')
    smmclient.register("my-panel", Dialect(name="my-panel", base_url="https://mine.example/api/v2"))
    with pytest.raises(ConfigError, match="'my-panel', which is registered, would share MY_PANEL_API_KEY"):
        load_panels(path)
    monkeypatch.setattr(registry, "_registered", {})
    monkeypatch.setattr(registry, "_installed", lambda: {"my-panel": None})
    with pytest.raises(ConfigError, match="as the installed provider 'my-panel' does"):
        load_panels(path)


@pytest.mark.skipif(os.name != "posix", reason="permissions are told otherwise there")
def test_a_file_that_everybody_can_write_is_not_trusted(path: Path) -> None:
    """Another user of the machine could have every key sent to his own server."""
    one(path)
    path.chmod(0o646)
    with pytest.raises(ConfigError, match="chmod o-w"):
        read_panels(path)


# ------------------------------------------------------------------------------------------------- what a knob does


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ('base_url = "https://p.example"', "https://p.example/api/v2"),
        ('base_url = "https://p.example/"', "https://p.example/api/v2"),
        ('base_url = "https://p.example"\npath = "/api/v1"', "https://p.example/api/v1"),
        ('base_url = "https://p.example/app/api"', "https://p.example/app/api"),
        ('base_url = "http://127.0.0.1:8080"', "http://127.0.0.1:8080/api/v2"),
    ],
)
def test_an_address_without_a_path_gets_the_usual_one(path: Path, address: str, url: str) -> None:
    """``path`` says another."""
    assert one(path, address=address).base_url == url


def test_plain_knobs_are_facts(path: Path) -> None:
    """Each sets the fact of its name."""
    dialect = one(
        path,
        """
        tells_limits = true
        limits = [{ rate = 60 }, { rate = 10, per = 1.5, scope = "ip" }]
        longest_link = 200
        link_is_url = true
        interval_needs_runs = true
        charge_field = "price"
        list_only = []
        features = { refill = false, cancel = "yes", dripfeed = "undocumented" }
        refusals = { "No credit left" = "InsufficientFunds", "Oops" = "Fault" }
        """,
    )
    assert dialect.limits == (Limit(60, 60), Limit(10, 1.5, Scope.ADDRESS))
    assert (dialect.longest_link, dialect.link_is_url, dialect.interval_needs_runs) == (200, True, True)
    assert (dialect.charge_field, dialect.list_only, dialect.tells_limits) == ("price", frozenset(), True)
    assert (dialect.capabilities.refill, dialect.capabilities.cancel) == (Support.NO, Support.YES)
    assert dialect.capabilities.dripfeed is Support.UNDOCUMENTED
    assert dialect.texts == {"no credit left": InsufficientFunds, "oops": Fault}


async def test_a_batch_is_no_larger_than_the_panel_takes(path: Path, anyio_backend: str) -> None:
    """``batch_size``: five ids in batches of two."""
    transport = ScriptedTransport(
        lambda form: reply({one: {"status": "Pending"} for one in form.get("orders", "").split(",")})
    )
    async with panel(path, "batch_size = 2", transport) as provider:
        await provider.order_statuses([1, 2, 3, 4])
    assert [form["orders"] for form in transport.forms] == ["1,2", "3,4"]


async def test_a_feature_that_is_not_there_is_not_asked_for(path: Path, anyio_backend: str) -> None:
    """``features``: nothing is sent."""
    transport = ScriptedTransport([])
    async with panel(path, 'features = { refill = "no" }', transport) as provider:
        with pytest.raises(Unsupported, match="mypanel has no refill"):
            await provider.refill([1])
    assert transport.forms == []


async def test_packages_by_the_piece_are_priced_so(path: Path, anyio_backend: str) -> None:
    """``package_rate_per``: a package costs what the catalog says."""
    async with panel(path, "package_rate_per = 1", ScriptedTransport([reply([ROW])])) as provider:
        (service,) = await provider.services()
    assert service.cost(PackageOrder(1, LINK)) == Decimal(57500)


async def test_headers_are_sent_with_every_request(path: Path, anyio_backend: str) -> None:
    """``headers``: beside our own; those of the settings go before them."""
    transport = ScriptedTransport([reply({"balance": "1", "currency": "USD"})])
    async with panel(path, 'headers = { X-Client = "shop", User-Agent = "Shop/1" }', transport) as provider:
        await provider.balance()
    (request,) = transport.requests
    assert request.headers["x-client"] == "shop"
    assert request.headers["user-agent"] == "Shop/1"


async def test_an_order_id_that_is_no_number_is_no_receipt(path: Path, anyio_backend: str) -> None:
    """``order_ids``: what such a panel meant by it, nobody knows; and it is not asked about other ids."""
    transport = ScriptedTransport([reply({"order": "ok"}), reply({"order": 77})])
    async with panel(path, 'order_ids = "number"', transport) as provider:
        with pytest.raises(OutcomeUnknown, match="'ok' for an order id"):
            await provider.add_order(Order(service=1, link=LINK, quantity=10))
        assert (await provider.add_order(Order(service=1, link=LINK, quantity=10))).order == "77"
        with pytest.raises(UsageError, match="numbers for order ids, not 'ord_1'"):
            await provider.order_statuses([77, "ord_1"])
    assert len(transport.forms) == 2


async def test_the_panels_own_words_are_understood(path: Path, anyio_backend: str) -> None:
    """``refusals``: a text of its own is the refusal that it means."""
    transport = ScriptedTransport([reply({"error": "No credit left!"})])
    async with panel(path, 'refusals = { "No credit left" = "InsufficientFunds" }', transport) as provider:
        with pytest.raises(InsufficientFunds, match="No credit left!"):
            await provider.add_order(Order(service=1, link=LINK, quantity=10))
