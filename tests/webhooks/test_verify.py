"""A delivery is believed only if who holds the secret has signed these very bytes, and lately."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import pickle
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from deliveries import NOW, SECRET, payload, signature, signed
from smmclient.errors import (
    BadSignature,
    ConfigError,
    MissingHeader,
    SMMError,
    StaleTimestamp,
    UsageError,
    WebhookRejected,
)
from smmclient.webhooks import KNOWN_SCHEMES, Scheme, load_scheme, verify

BODY = payload()

# ------------------------------------------------------------------------------- what others have published

_SLACK_BODY = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar"
    b"&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com"
    b"%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121."
    b"803a0bc887a14d10d2c447fce8b6703c"
)
PUBLISHED: dict[str, tuple[str, str, bytes, dict[str, str], float]] = {
    "github, its page on validating deliveries": (
        "github",
        "It's a Secret to Everybody",
        b"Hello, World!",
        {"X-Hub-Signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"},
        NOW,
    ),
    "slack, its page on verifying requests": (
        "slack",
        "8f742231b10e8888abcd99yyyzzz85a5",
        _SLACK_BODY,
        {
            "X-Slack-Request-Timestamp": "1531420618",
            "X-Slack-Signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
        },
        1531420618.0,
    ),
    "standard webhooks, its libraries' tests": (
        "standard",
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        b'{"test": 2432232314}',
        {
            "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "webhook-timestamp": "1614265330",
            "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        },
        1614265330.0,
    ),
    "svix, its page on verifying by hand": (
        "svix",
        "whsec_plJ3nmyCDGBKInavdOK15jsl",
        b'{"event_type":"ping","data":{"success":true}}',
        {
            "svix-id": "msg_loFOjxBNrRLzqYUf",
            "svix-timestamp": "1731705121",
            "svix-signature": "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=",
        },
        1731705121.0,
    ),
}


@pytest.mark.parametrize(("scheme", "secret", "body", "headers", "now"), PUBLISHED.values(), ids=PUBLISHED)
def test_published_deliveries(scheme: str, secret: str, body: bytes, headers: dict[str, str], now: float) -> None:
    """What well-known senders publish as an example holds, and does not with one byte more."""
    assert verify(body, headers, secret, scheme=KNOWN_SCHEMES[scheme], now=now)
    with pytest.raises(BadSignature):
        verify(body + b" ", headers, secret, scheme=KNOWN_SCHEMES[scheme], now=now)


def test_stripe_signs_with_several_in_one_header() -> None:
    """A header with a time, an old signature, a right one and one of another version holds."""
    right = hmac.new(SECRET.encode(), b"1700000000." + BODY, hashlib.sha256).hexdigest()
    header = f"t=1700000000,v1={'0' * 64},v1={right},v0={'1' * 64}"
    stripe = KNOWN_SCHEMES["stripe"]
    assert verify(BODY, {"Stripe-Signature": header}, SECRET, scheme=stripe, now=NOW).timestamp == NOW
    for wrong in (
        f"t=1700000000,v1={'0' * 64}",
        f"t=1700000000,v0={right}",
        f"t=1700000001,v1={right}",
        f"v1={right}",
        f"t=1700000000,t=1700000000,v1={right}",
        f"t=1700000000,{right}",
    ):
        with pytest.raises(WebhookRejected):
            verify(BODY, {"Stripe-Signature": wrong}, SECRET, scheme=stripe, now=NOW)


def test_the_time_can_be_a_field_of_the_body() -> None:
    """A timestamp in the signed body counts like one in a header."""
    scheme = Scheme(timestamp_header="", timestamp_field="created_at", signed="{body}")
    headers = {"X-Webhook-Signature": hmac.new(SECRET.encode(), BODY, "sha256").hexdigest()}
    assert verify(BODY, headers, SECRET, scheme=scheme, now=NOW + 300).timestamp == NOW
    with pytest.raises(StaleTimestamp):
        verify(BODY, headers, SECRET, scheme=scheme, now=NOW + 301)
    for odd in (
        b"[]",
        b"{}",
        b"no",
        b'{"created_at": true}',
        b'{"created_at": "soon"}',
        b'{"created_at": -1}',
        b"\xff",
    ):
        own = {"X-Webhook-Signature": hmac.new(SECRET.encode(), odd, "sha256").hexdigest()}
        with pytest.raises(StaleTimestamp):
            verify(odd, own, SECRET, scheme=scheme, now=NOW)


@pytest.mark.parametrize("told", ["1700000000.0", "1700000000.123", "1700000000.12345678"])
def test_seconds_may_have_a_fraction(told: str) -> None:
    """A timestamp with a fraction is read, and the signature is over the text as it came: no other way to write it."""
    assert verify(BODY, signed(BODY, told), SECRET, now=NOW + 300).timestamp == float(told)
    with pytest.raises(StaleTimestamp):
        verify(BODY, signed(BODY, told), SECRET, now=NOW + 301)
    for other in (told + "0", told.rstrip("0123456789").rstrip(".")):
        with pytest.raises(BadSignature):
            verify(BODY, [signed(BODY, told)[0], signed(BODY, other)[1]], SECRET, now=NOW)


@pytest.mark.parametrize(
    ("style", "told"), [("milliseconds", "1700000000000"), ("iso8601", "2023-11-14T23:13:20+01:00")]
)
def test_other_ways_to_write_a_time(style: Any, told: str) -> None:
    """Milliseconds and ISO 8601 are read where the scheme says so, and not where it does not."""
    assert verify(BODY, signed(BODY, told), SECRET, scheme=Scheme(timestamp_format=style), now=NOW).timestamp == NOW
    with pytest.raises(StaleTimestamp):
        verify(BODY, signed(BODY, told), SECRET, now=NOW)


# ------------------------------------------------------------------------------------------------ what holds


@pytest.mark.parametrize(
    "headers",
    [
        dict(signed(BODY)),
        {name.upper(): value for name, value in signed(BODY)},
        signed(BODY),
        tuple((name.lower().encode(), value.encode()) for name, value in signed(BODY)),
        {name.encode(): value.encode() for name, value in signed(BODY)},
        {name: value.upper() for name, value in signed(BODY)},
    ],
)
def test_headers_of_any_make(headers: Any) -> None:
    """A mapping or pairs, text or bytes, names and hex digits in any case: it is the same delivery."""
    proof = verify(BODY, headers, SECRET, now=NOW)
    assert proof == verify(BODY, signed(BODY), SECRET, now=NOW)
    assert (proof.timestamp, proof.id) == (NOW, None)


def test_secrets_are_rotated() -> None:
    """While two secrets are known, deliveries signed with either hold; afterwards the old one proves nothing."""
    for secret in ("old", "new"):
        headers = signed(BODY, secret=secret)
        assert verify(BODY, headers, ["old", "new"], now=NOW) == verify(BODY, headers, secret, now=NOW)
    with pytest.raises(BadSignature):
        verify(BODY, signed(BODY, secret="old"), ["new"], now=NOW)


@pytest.mark.parametrize(("away", "holds"), [(0, True), (300, True), (301, False), (-300, True), (-301, False)])
def test_tolerance_has_two_sides(away: int, holds: bool) -> None:
    """A delivery from the future is refused like an old one."""
    headers = signed(BODY, NOW - away)
    if holds:
        assert verify(BODY, headers, SECRET, now=NOW).timestamp == NOW - away
        return
    with pytest.raises(StaleTimestamp) as caught:
        verify(BODY, headers, SECRET, now=NOW)
    assert caught.value.check == "timestamp"


def test_the_token_stands_for_what_was_signed() -> None:
    """The same delivery has one token whatever is added to its headers, and another time or body has another."""
    token = verify(BODY, signed(BODY), SECRET, now=NOW).token
    assert token == verify(BODY, [*signed(BODY), ("X-Webhook-Id", "another")], SECRET, now=NOW).token
    assert token != verify(BODY, signed(BODY, NOW + 1), SECRET, now=NOW).token
    assert token != verify(BODY + b" ", signed(BODY + b" "), SECRET, now=NOW).token


def test_an_unsigned_time_is_only_taken_when_that_is_said() -> None:
    """A scheme whose signature leaves the time out is refused, unless that is said; its time is in no token."""
    with pytest.raises(ConfigError, match="unsigned_timestamp"):
        Scheme(signed="{body}")
    with pytest.raises(ConfigError, match="unsigned_timestamp"):
        Scheme(signed="{body}", timestamp_header="")
    scheme = Scheme(signed="{body}", unsigned_timestamp=True)
    right = hmac.new(SECRET.encode(), BODY, "sha256").hexdigest()
    tokens = {
        verify(BODY, {"X-Webhook-Signature": right, "X-Webhook-Timestamp": told}, SECRET, scheme=scheme, now=NOW).token
        for told in ("1700000000", "1700000001")
    }
    assert len(tokens) == 1


# ------------------------------------------------------------------------------------------------ what does not


@pytest.mark.parametrize(
    "told",
    [
        *("1e9", " 1700000000", "1700000000 ", "١٧٠٠٠٠٠٠٠٠", "nan", "inf", "-1700000000", "+1700000000", ""),
        *(
            "1_700_000_000",
            "0x6553f100",
            "1700000000000",
            "1700000000.",
            ".5",
            "1700000000.1.2",
            "1.7e9",
            "9" * 400,
            "1700000000, 1700000000",
        ),
        "1700000000\x00",
    ],
)
def test_odd_times(told: str) -> None:
    """A time that is not plain seconds is refused, also when it is signed."""
    with pytest.raises(StaleTimestamp):
        verify(BODY, signed(BODY, told), SECRET, now=NOW)


@pytest.mark.parametrize(
    ("odd", "error"),
    [
        ({"x-webhook-signature": None}, MissingHeader),
        ({"x-webhook-timestamp": None}, MissingHeader),
        ({"x-webhook-signature": ""}, BadSignature),
        ({"x-webhook-signature": "é" * 32}, BadSignature),
        ({"x-webhook-signature": "\ud800"}, BadSignature),
        ({"x-webhook-signature": "０" * 64}, BadSignature),
        ({"x-webhook-signature": "0" * 64}, BadSignature),
        ({"x-webhook-signature": " ".join([signature(BODY)[:2], signature(BODY)[2:]])}, BadSignature),
        ({"x-webhook-signature": signature(BODY)[:-1]}, BadSignature),
        ({"x-webhook-signature": signature(BODY)[:32]}, BadSignature),
        ({"x-webhook-signature": signature(BODY) + "00"}, BadSignature),
        ({"x-webhook-signature": f"{signature(BODY)}, {signature(BODY)}"}, BadSignature),
        ({"x-webhook-signature": f"sha256={signature(BODY)}"}, BadSignature),
        ({"X-WEBHOOK-SIGNATURE": signature(BODY)}, BadSignature),
        ({"X-WEBHOOK-TIMESTAMP": str(int(NOW))}, StaleTimestamp),
        ({"x-webhook-id": 'a{"b"'}, BadSignature),
        ({"x-webhook-id": ""}, BadSignature),
        ({"x-webhook-id": "é"}, BadSignature),
    ],
)
def test_odd_headers(odd: dict[str, str | None], error: type[WebhookRejected]) -> None:
    """Headers that are missing, there twice, cut, or of other characters are refused, with the check that failed."""
    headers = {name.lower(): value for name, value in signed(BODY)} | odd
    with pytest.raises(error) as caught:
        verify(BODY, {name: value for name, value in headers.items() if value is not None}, SECRET, now=NOW)
    assert caught.value.check in ("signature", "signature-header", "timestamp-header", "id-header")


def test_base64_is_read_one_way() -> None:
    """Padding left out, doubled, blanks in between, or other last bits: not the signature that was made."""
    scheme = Scheme(encoding="base64")
    raw = hmac.new(SECRET.encode(), b"1700000000." + BODY, "sha256").digest()
    right = base64.b64encode(raw).decode()
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".index(right[-2])
    turned = right[:-2] + "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[last ^ 1] + "="
    assert base64.b64decode(turned) == raw
    told = ("x-webhook-timestamp", "1700000000")
    assert verify(BODY, [("x-webhook-signature", right), told], SECRET, scheme=scheme, now=NOW)
    for odd in (right[:-1], right + "=", right[:8] + " " + right[8:], turned, right[:8] + "!" + right[8:], raw.hex()):
        with pytest.raises(BadSignature):
            verify(BODY, [("x-webhook-signature", odd), told], SECRET, scheme=scheme, now=NOW)


def test_many_signatures_are_not_looked_at() -> None:
    """A header that is stuffed with signatures is refused before any is compared."""
    header = ",".join(["t=1700000000", *[f"v1={number:064x}" for number in range(50)]])
    with pytest.raises(BadSignature, match="more than 16"):
        verify(BODY, {"stripe-signature": header}, SECRET, scheme=KNOWN_SCHEMES["stripe"], now=NOW)


def test_no_part_of_a_body_passes_for_an_id() -> None:
    """Who chooses a text inside of a signed body cannot cut the signed string elsewhere, with a time of choice."""
    standard = KNOWN_SCHEMES["standard"]
    secret = base64.b64encode(b"k" * 24).decode()
    inner = json.dumps({"event": "order.completed", "data": {"order": "ord_evil"}})
    outer = json.dumps({"event": "order.failed", "link": "#"}).replace("#", f"x.1700009999.{inner}").encode()
    raw = hmac.new(b"k" * 24, b"msg_1.1700000000." + outer, "sha256").digest()
    signed_with = {"webhook-signature": "v1," + base64.b64encode(raw).decode()}
    fine = {**signed_with, "webhook-id": "msg_1", "webhook-timestamp": "1700000000"}
    assert verify(outer, fine, secret, scheme=standard, now=NOW).id == "msg_1"
    before, _, after = (b"msg_1.1700000000." + outer).partition(b".1700009999.")
    moved = {**signed_with, "webhook-id": before.decode(), "webhook-timestamp": "1700009999"}
    with pytest.raises(BadSignature):
        verify(after, moved, secret, scheme=standard, now=1700009999.0)


# ------------------------------------------------------------------------------------------------ calls gone wrong


def test_a_body_that_was_read_already() -> None:
    """Text, or JSON that was decoded, is refused with the reason: it is not what was signed."""
    already: list[Any] = [BODY.decode(), json.loads(BODY), None]
    for read in already:
        with pytest.raises(UsageError, match="bytes that came"):
            verify(read, signed(BODY), SECRET, now=NOW)


@pytest.mark.parametrize("secrets", ["", [], [""], ["ok-secret", ""], b"", " ", "ok-secret\n", [None]])
def test_empty_secrets(secrets: Any) -> None:
    """A secret that is empty, or has a line end from its file, is a mistake and not a reason to believe everybody."""
    with pytest.raises(UsageError, match="secret") as caught:
        verify(BODY, signed(BODY, secret=" "), secrets, now=NOW)
    assert "ok-secret" not in str(caught.value)


@pytest.mark.parametrize(
    "secrets", [None, {"panel": "ok-secret"}, {"ok-secret"}, iter(["ok-secret"]), bytearray(b"ok-secret"), 5, object()]
)
def test_what_is_no_list_of_secrets(secrets: Any) -> None:
    """What is neither text, bytes nor a list of those is a mistake that is told, and never read as a secret."""
    with pytest.raises(UsageError, match="secret") as caught:
        verify(BODY, signed(BODY), secrets, now=NOW)
    assert "ok-secret" not in str(caught.value)


@pytest.mark.parametrize("secrets", [None, ["ok-secret", None]])
def test_a_variable_that_is_not_set(secrets: Any) -> None:
    """None for a secret is what an unset variable gives, so the error says to set it."""
    with pytest.raises(UsageError, match="environment variable that is not set"):
        verify(BODY, signed(BODY), secrets, now=NOW)


@pytest.mark.parametrize("headers", [None, 5, ["x-webhook-signature"], [("a", "b", "c")]])
def test_what_is_no_list_of_headers(headers: Any) -> None:
    """Headers that are neither a mapping nor pairs are a mistake that is told."""
    with pytest.raises(UsageError, match="pairs"):
        verify(BODY, headers, SECRET, now=NOW)


def _held(error: BaseException) -> str:
    """All that the frames of an error's traceback hold, but for this test's own."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return "".join(repr(frame.f_locals) for frame in frames if "smmclient" in frame.f_globals["__name__"])


@pytest.mark.parametrize(
    ("headers", "secrets", "tolerance"),
    [
        ([], [SECRET], 300),
        (signed(b"other"), [SECRET], 300),
        (signed(BODY, "x"), [SECRET], 300),
        (signed(BODY, NOW - 301), [SECRET], 300),
        (signed(BODY), [SECRET, f"{SECRET}\n"], 300),
        (signed(BODY), [SECRET, 5], 300),
        (signed(BODY), {"a": SECRET}, 300),
        (signed(BODY), SECRET, -1),
        ([("x", "y"), 5], SECRET, 300),
    ],
)
def test_tracebacks_hold_no_secret(headers: Any, secrets: Any, tolerance: float) -> None:
    """What collects errors with the values of their frames finds no secret, no key, and no body in ours."""
    with pytest.raises(SMMError) as caught:
        verify(BODY, headers, secrets, now=NOW, tolerance=tolerance)
    assert "smmclient.webhooks.signing" in {
        frame.f_globals["__name__"] for frame, _ in traceback.walk_tb(caught.value.__traceback__)
    }
    held = _held(caught.value)
    assert not [one for one in (SECRET, signature(BODY), "ord_7") if one in held]
    assert caught.value.__context__ is None


def test_what_others_raise_holds_no_secret_either() -> None:
    """Headers whose iteration fails, with an error of their own, lead to no frame that holds the secret."""

    def failing() -> Iterator[tuple[str, str]]:
        yield from signed(BODY)
        raise RuntimeError("lost")

    with pytest.raises(RuntimeError, match="lost") as caught:
        verify(BODY, failing(), SECRET, now=NOW)
    assert SECRET not in _held(caught.value)


def test_secrets_that_are_not_as_the_scheme_says() -> None:
    """A secret that is not the base64 that it should be is a mistake that is told without it."""
    with pytest.raises(UsageError, match="base64") as caught:
        verify(BODY, [], "whsec_not base64 at all", scheme=KNOWN_SCHEMES["standard"])
    assert "not base64 at all" not in repr(caught.value)


@pytest.mark.parametrize("tolerance", [-1, float("nan"), float("inf"), True, "300"])
def test_a_tolerance_that_ends(tolerance: Any) -> None:
    """A tolerance is a number of seconds: none switches the check off."""
    with pytest.raises(UsageError, match="tolerance"):
        verify(BODY, signed(BODY), SECRET, now=NOW, tolerance=tolerance)


def test_errors_tell_nothing() -> None:
    """No error, its notes, causes, pickle or printed traceback has the secret, the expected signature or the body."""
    right = signature(BODY)
    odd: list[list[tuple[str, str]]] = [
        [],
        [("x-webhook-signature", "0" * 64), ("x-webhook-timestamp", "1700000000")],
        signed(BODY, NOW - 10_000),
        [*signed(BODY), *signed(BODY)],
        [("x-webhook-signature", right), ("x-webhook-timestamp", "x")],
        [("x-webhook-signature", "x"), ("x-webhook-timestamp", "1700000000")],
    ]
    for headers in odd:
        with pytest.raises(WebhookRejected) as caught:
            verify(BODY, headers, SECRET, now=NOW)
        error = caught.value
        assert error.__context__ is None
        assert error.__cause__ is None
        told = "".join([repr(error), str(error), *traceback.format_exception(error), repr(vars(error))])
        for hidden in (SECRET, right, "ord_7", "evt_1"):
            assert hidden not in told
        assert pickle.loads(pickle.dumps(error)).check == error.check
    assert "ord_7" not in repr(verify(BODY, signed(BODY), SECRET, now=NOW))


# ------------------------------------------------------------------------------------------------ schemes as files


@pytest.mark.parametrize("name", KNOWN_SCHEMES)
def test_a_scheme_is_the_same_from_its_file(name: str, tmp_path: Path) -> None:
    """What is written as TOML is read as it was."""
    path = tmp_path / "scheme.toml"
    path.write_text(KNOWN_SCHEMES[name].dump(), "utf-8")
    assert load_scheme(path) == KNOWN_SCHEMES[name]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('signature_heder = "x"', "no 'signature_heder': did you mean 'signature_header'"),
        ("colour = 1", "no 'colour': there are"),
        ('"abc 5" = 1', "no such field"),
        ("tolerance = 300", "verify or to WebhookApp"),
        ('secret = "abc"', "secrets do not belong here"),
        ('signing_secret = "abc"', "secrets do not belong here"),
        ('Webhook-Secret = "abc"', "secrets do not belong here"),
        ('secret_prefx = "abc"', "secret_prefix"),
        ('signed = "{timestamp}"', "{body}"),
        ('signed = "{body}{body}"', "{body}"),
        ('signed = "{url}{body}"', "other part in braces"),
        ('signed = "{timestmp}.{body}"', "{timestmp}"),
        ('signed = "{id}.{timestamp}.{body}"\nid_header = ""', "id_header"),
        ('encoding = "base32"', "must be 'hex' or 'base64', not 'base32'"),
        ('algorithm = "md5"', "algorithm"),
        ("signature_header = 5", "signature_header"),
        ('signature_header = ""', "signature_header"),
        ('signature_header = "a b"', "signature_header"),
        ('event_fields = "event"', "event_fields"),
        ('unsigned_timestamp = "no"', "unsigned_timestamp"),
        ('timestamp_field = "at"', "timestamp_header and timestamp_field"),
        ('timestamp_prefix = "t="\ntimestamp_header = ""', "separator"),
        ('timestamp_header = ""', "timestamp"),
        ("[", "TOML"),
        ("\udcff", "UTF-8"),
    ],
)
def test_mistakes_in_a_scheme_are_named(text: str, named: str, tmp_path: Path) -> None:
    """The file and the field are told, and no secret that was put there."""
    path = tmp_path / "scheme.toml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ConfigError) as caught:
        load_scheme(path)
    assert named in str(caught.value)
    assert str(path) in str(caught.value)
    assert "abc" not in str(caught.value)


@pytest.mark.parametrize("name", [one.name for one in attrs.fields(Scheme)])
@pytest.mark.parametrize("value", ['"{}"', '["{}", "x\\n"]', '{{a = "{}"}}', '"{{{}}} \\u00e9{{body}}"', "{}"])
def test_no_value_is_told(name: str, value: str, tmp_path: Path) -> None:
    """A secret that was put into any field, in any shape, is in no error about the file."""
    path = tmp_path / "scheme.toml"
    path.write_text(f"{name} = {value.format('whsec_9f8e7d6c5b4a39281706')}", "utf-8")
    try:
        load_scheme(path)
    except ConfigError as error:
        assert "9f8e7d6c" not in f"{error} {error!r}"
    else:
        assert value == '"{}"', "only a text can be taken for what it is not"


@pytest.mark.parametrize("name", ["ord\U0001f600", "é", "注文", 'a"b', "a\\b"])
def test_names_of_fields_in_any_script(name: str, tmp_path: Path) -> None:
    """A scheme with them comes back from its file, in whatever encoding that is written, with a byte order mark too."""
    scheme = Scheme(order_fields=(name,), id_fields=())
    path = tmp_path / "scheme.toml"
    for encoding in ("utf-8", "latin-1", "utf-8-sig"):
        path.write_text(scheme.dump(), encoding)
        assert load_scheme(path) == scheme


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """It says which."""
    with pytest.raises(ConfigError, match="cannot be read"):
        load_scheme(tmp_path / "none.toml")
