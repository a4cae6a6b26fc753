"""Where a panel may be told to push: by the spelling of the URL alone, before anything is sent or looked up."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smmclient import UsageError
from smmclient.receiver import check_events, check_receiver

TAKEN = [
    "https://hooks.example.com/smm",
    "https://HOOKS.example.com:8443/a/b?tenant=7&of=1,2",
    "https://hooks.example.com./smm",
    "https://xn--mnchen-3ya.example/smm",
    "https://localhost.example.com/",
    "https://8.8.8.8/smm",
    "https://[2606:4700::1111]:8443/smm",
]
REFUSED = {
    "http": "http://hooks.example.com/",
    "another scheme": "ftp://hooks.example.com/",
    "no scheme": "hooks.example.com/smm",
    "no host": "https:///smm",
    "no slashes": "https:hooks.example.com",
    "a space": "https://hooks.example.com/a b",
    "a line end": "https://hooks.example.com/a\nb",
    "a tab": "https://hooks\t.example.com/",
    "a backslash": "https://127.0.0.1\\.example.com/",
    "letters beyond ASCII": "https://hooks.example.com/ü",
    "digits of another script": "https://１２７.0.0.1/",
    "a user": "https://me@hooks.example.com/",
    "a password": "https://me:secret@hooks.example.com/",
    "an empty user": "https://@hooks.example.com/",
    "a fragment": "https://hooks.example.com/#top",
    "an empty fragment": "https://hooks.example.com/#",
    "port 0": "https://hooks.example.com:0/",
    "an empty port": "https://hooks.example.com:/",
    "no such port": "https://hooks.example.com:65536/",
    "a port in words": "https://hooks.example.com:https/",
    "two hosts": "https://[2606:4700::1]hooks.example.com/",
    "an open bracket": "https://[2606:4700::1/",
    "an empty label": "https://hooks..example.com/",
    "an escaped host": "https://%6cocalhost.example.com/",
    "too long": "https://hooks.example.com/" + "a" * 2000,
    "localhost": "https://localhost/",
    "localhost, in full": "https://LOCALHOST./",
    "below localhost": "https://panel.localhost/",
    "local": "https://printer.local/",
    "internal": "https://metadata.google.internal/",
    "a name at home": "https://nas.home.arpa/",
    "one label": "https://intranet/",
    "loopback": "https://127.0.0.1/",
    "loopback, another of it": "https://127.9.9.9/",
    "private": "https://10.1.2.3/",
    "link-local": "https://169.254.169.254/",
    "CGNAT": "https://100.64.0.1/",
    "unspecified": "https://0.0.0.0/",
    "multicast": "https://224.0.0.1/",
    "broadcast": "https://255.255.255.255/",
    "one number": "https://2130706433/",
    "hex": "https://0x7f.1/",
    "hex, in full": "https://0x7f000001/",
    "octal": "https://0177.0.0.1/",
    "short": "https://127.1/",
    "short, with a dot": "https://127.1./",
    "octal to some": "https://010.8.8.8/",
    "too many numbers": "https://8.8.8.8.8/",
    "a number after a name": "https://example.1/",
    "loopback of IPv6": "https://[::1]/",
    "unspecified of IPv6": "https://[::]/",
    "mapped": "https://[::ffff:127.0.0.1]/",
    "mapped, in hex": "https://[::ffff:7f00:1]/",
    "mapped, public": "https://[::ffff:8.8.8.8]/",
    "compatible": "https://[::127.0.0.1]/",
    "by NAT64": "https://[64:ff9b::7f00:1]/",
    "by 6to4": "https://[2002:7f00:1::]/",
    "by Teredo": "https://[2001:0:7f00:1::]/",
    "link-local of IPv6": "https://[fe80::1]/",
    "with a zone": "https://[2606:4700::1%25eth0]/",
    "private of IPv6": "https://[fd00::1]/",
    "multicast of IPv6": "https://[ff02::1]/",
}


@pytest.fixture(autouse=True)
def _looks_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A check that asks a name server fails."""

    def refuse(*asked: object) -> None:
        raise AssertionError(f"{asked} was looked up")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket, "gethostbyname", refuse)


@pytest.mark.parametrize("url", TAKEN)
def test_a_public_https_url_is_taken(url: str) -> None:
    """It is sent to the panel as it was given."""
    assert check_receiver(url, provider="notpanel") == url


@pytest.mark.parametrize("why", REFUSED)
def test_what_a_panel_would_refuse_is_refused(why: str) -> None:
    """The mistake is a UsageError, whose text does not repeat the URL."""
    with pytest.raises(UsageError) as caught:
        check_receiver(REFUSED[why], provider="notpanel")
    assert REFUSED[why].strip("/")[-12:] not in str(caught.value)


@pytest.mark.parametrize("url", [None, b"https://hooks.example.com/", 7, "", "  "])
def test_what_is_no_text_is_refused(url: object) -> None:
    """Nothing but a text is a URL."""
    with pytest.raises(UsageError):
        check_receiver(url, provider="notpanel")


_NETWORKS = [
    IPv4Network(text)
    for text in ("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12")
] + [IPv4Network(text) for text in ("192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4")]
_SPELLINGS: list[Callable[[int], str]] = [str, "0{:o}".format, "0x{:x}".format, "0X{:08X}".format, "00{:o}".format]


@st.composite
def _spelled(draw: st.DrawFn) -> str:
    """An IPv4 address that is not public, as one to four numbers of any base."""
    network = draw(st.sampled_from(_NETWORKS))
    number = int(network[0]) + draw(st.integers(0, network.num_addresses - 1))
    octets = list(IPv4Address(number).packed)
    count = draw(st.integers(1, 4))
    numbers = [*octets[: count - 1], int.from_bytes(bytes(octets[count - 1 :]), "big")]
    return ".".join(draw(st.sampled_from(_SPELLINGS))(one) for one in numbers)


@given(host=_spelled(), dot=st.sampled_from(["", "."]))
def test_no_spelling_hides_an_address(host: str, dot: str) -> None:
    """Whatever the C library would read as an address that is not public is refused."""
    assert socket.inet_aton(host)
    with pytest.raises(UsageError):
        check_receiver(f"https://{host}{dot}/", provider="notpanel")


LOCAL = [
    "http://127.0.0.1:8000/smm",
    "http://localhost/smm",
    "https://localhost:8443/",
    "http://[::1]:8000/",
    "http://127.0.0.9/",
]


@pytest.mark.parametrize("url", LOCAL)
def test_a_panel_on_this_machine_may_push_to_this_machine(url: str) -> None:
    """A sandbox is given what would be refused elsewhere."""
    assert check_receiver(url, provider="notpanel", is_local=True) == url
    with pytest.raises(UsageError):
        check_receiver(url, provider="notpanel")


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/",
        "http://10.0.0.1/",
        "https://10.0.0.1/",
        "http://me:pw@127.0.0.1/",
        "http://127.0.0.1/#",
        "ftp://localhost/",
    ],
)
def test_a_panel_on_this_machine_may_push_nowhere_else_by_http(url: str) -> None:
    """What is neither this machine nor public stays refused, and so do passwords and fragments."""
    with pytest.raises(UsageError):
        check_receiver(url, provider="notpanel", is_local=True)


def test_events_are_names() -> None:
    """Names are sent as they are, each once; none are the panel's default; those that nobody knows pass."""
    names = ["order.completed", "balance.low", "order.completed", "order.teleported"]
    assert check_events(iter(names), provider="notpanel") == ("order.completed", "balance.low", "order.teleported")
    assert check_events(None, provider="notpanel") is None


@pytest.mark.parametrize(
    "events",
    [
        "order.completed",
        b"order.completed",
        7,
        [],
        (),
        [""],
        [" "],
        ["order.completed "],
        ["order.completed,order.failed"],
        ["order completed"],
        ["order\tcompleted"],
        ["order.completed\n"],
        ["order\x00"],
        ["order\u200b.completed"],
        ["order\u00a0completed"],
        [None],
        [7],
        [b"order.completed"],
        ["a" * 101],
    ],
)
def test_events_that_a_panel_could_read_as_others_are_refused(events: Iterable[str]) -> None:
    """One text, nothing at all, and names that are not one word are UsageErrors."""
    with pytest.raises(UsageError):
        check_events(events, provider="notpanel")
