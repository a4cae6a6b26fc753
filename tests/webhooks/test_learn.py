"""From one recorded delivery and its secret, the scheme that it was signed with."""

from __future__ import annotations

import base64
import hmac
import json
import traceback
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from deliveries import NOW, SECRET, payload, signed
from smmclient.errors import UsageError
from smmclient.webhooks import KNOWN_SCHEMES, OrderEvent, Scheme, learn, load_scheme, verify

_PLAIN = [("Host", "shop.example"), ("Content-Type", "application/json"), ("User-Agent", "panel/1.0")]


def recording(scheme: Scheme, body: bytes, secret: bytes = SECRET.encode(), told: str = "1700000000") -> dict[str, Any]:
    """A delivery signed by a scheme, here, with nothing of smmclient's signing."""
    template = scheme.signed.replace("{timestamp}", told).replace("{id}", "msg_77ab")
    before, after = template.split("{body}")
    raw = hmac.new(secret, before.encode() + body + after.encode(), scheme.algorithm).digest()
    shown = scheme.prefix + (raw.hex() if scheme.encoding == "hex" else base64.b64encode(raw).decode())
    if scheme.timestamp_prefix:
        shown = f"{scheme.timestamp_prefix}{told}{scheme.separator}{shown}"
    headers = [*_PLAIN, (scheme.signature_header.title(), shown)]
    if scheme.timestamp_header:
        headers.append((scheme.timestamp_header, told))
    if scheme.id_header:
        headers.append((scheme.id_header, "msg_77ab"))
    return {"headers": headers, "body": body.decode()}


UNHEARD_OF: dict[str, tuple[Scheme, str]] = {
    "ours": (Scheme(), "1700000000"),
    "other headers": (Scheme(signature_header="x-np-sig", timestamp_header="x-np-at", id_header=""), "1700000000"),
    "a prefix and base64": (Scheme(signature_header="x-np-sig", encoding="base64", prefix="sha256="), "1700000000"),
    "the time last": (Scheme(signature_header="sig", signed="{body}:{timestamp}"), "1700000000"),
    "nothing between": (Scheme(signature_header="sig", signed="{timestamp}{body}"), "1700000000"),
    "the id too": (Scheme(signature_header="sig", signed="{id}|{timestamp}|{body}"), "1700000000"),
    "a version in front": (Scheme(signature_header="sig", signed="v1:{timestamp}:{body}"), "1700000000"),
    "milliseconds": (Scheme(signature_header="sig", timestamp_format="milliseconds"), "1700000000000"),
    "iso 8601": (Scheme(signature_header="sig", timestamp_format="iso8601"), "2023-11-14T22:13:20Z"),
    "sha512": (Scheme(signature_header="sig", algorithm="sha512"), "1700000000"),
    "seconds with a fraction": (Scheme(signature_header="sig"), "1700000000.0"),
    "in one header": (
        Scheme(signature_header="sig", timestamp_header="", timestamp_prefix="ts=", prefix="h=", separator=";"),
        "1700000000",
    ),
    "the time in the body": (
        Scheme(signature_header="sig", timestamp_header="", timestamp_field="created_at", signed="{body}"),
        "1700000000",
    ),
    **{name: (scheme, "1700000000") for name, scheme in KNOWN_SCHEMES.items() if name in ("stripe", "slack")},
}


@pytest.mark.parametrize(("scheme", "told"), UNHEARD_OF.values(), ids=UNHEARD_OF)
def test_the_scheme_is_found(scheme: Scheme, told: str, tmp_path: Path) -> None:
    """Whatever the headers, the encoding, the signed string and the place of the time: it is found, and fits others."""
    found = learn(recording(scheme, payload(), told=told), SECRET)
    assert found.scheme is not None
    assert found.scheme.covers_timestamp
    assert found.scheme.signature_header == scheme.signature_header
    assert found.scheme.signed == scheme.signed
    path = tmp_path / "scheme.toml"
    path.write_text(found.scheme.dump(), "utf-8")
    other = payload("order.failed", "evt_2")
    headers = recording(scheme, other, told=told)["headers"]
    assert verify(other, headers, SECRET, scheme=load_scheme(path), now=NOW).timestamp == NOW
    assert SECRET not in repr(found)


def test_secrets_that_are_encoded() -> None:
    """A secret that is shown as base64, with a prefix, is found to be one."""
    secret = "whsec_" + base64.b64encode(b"\x00\x01" * 12).decode()
    standard = KNOWN_SCHEMES["standard"]
    found = learn(recording(standard, payload(), b"\x00\x01" * 12), secret)
    assert found.scheme == standard
    renamed = evolve(standard, signature_header="np-signature", id_header="np-id", timestamp_header="np-time")
    found = learn(recording(renamed, payload(), b"\x00\x01" * 12), secret)
    assert found.scheme is not None
    assert found.scheme.secret_encoding == "base64"
    found = learn(recording(Scheme(), payload(), bytes(range(32))), bytes(range(32)).hex())
    assert found.scheme is not None
    assert found.scheme.secret_encoding == "hex"


def test_a_signature_over_the_body_alone() -> None:
    """It is found, with a warning that an old delivery can be sent again."""
    scheme = Scheme(signature_header="sig", timestamp_header="", id_header="", signed="{body}", unsigned_timestamp=True)
    found = learn(recording(scheme, payload(created_at=None)), SECRET)
    assert found.scheme is not None
    assert not found.scheme.covers_timestamp
    assert any("no timestamp is signed" in note for note in found.notes)


BODY_ALONE = Scheme(signature_header="sig", timestamp_header="", id_header="", signed="{body}", unsigned_timestamp=True)


def flat(**fields: object) -> bytes:
    """A payload without an object for its data."""
    return json.dumps({"event": "order.completed", **fields}).encode()


@pytest.mark.parametrize("number", [1_523_456_789, "1523456789", 1_523_456_789_000])
@pytest.mark.parametrize("name", ["order", "registered_at", "user", "follower_count"])
def test_a_large_number_is_no_timestamp(name: str, number: object) -> None:
    """A field that happens to look like a time is not taken for the one of sending, which no signature can prove."""
    found = learn(recording(BODY_ALONE, flat(**{"order": 7, "status": "completed", name: number})), SECRET)
    assert found.scheme is not None
    assert (found.scheme.timestamp_field, found.scheme.signed) == ("", "{body}")
    assert found.scheme.unsigned_timestamp
    assert found.notes[0].startswith("no timestamp is signed")
    assert any(f"body's {name}" in note for note in found.notes) == (name != "order")
    other = flat(order=1_523_456_790, status="completed")
    assert verify(other, recording(BODY_ALONE, other)["headers"], SECRET, scheme=found.scheme, now=NOW)


@pytest.mark.parametrize(
    ("fields", "name", "is_noted"),
    [
        ({"sent_at": 1_700_000_000}, "sent_at", False),
        ({"sentAt": "2023-11-14T22:13:20Z"}, "sentAt", False),
        ({"timestamp": 1_700_000_000}, "timestamp", True),
        ({"ts": 1_700_000_000_000}, "ts", True),
        ({"time": "1700000000"}, "time", True),
        ({"created_at": 1_700_000_000}, "created_at", True),
        ({"created_at": 1_600_000_000, "registered_at": 1_500_000_000, "ts": 1_700_000_000}, "ts", True),
    ],
)
def test_a_timestamp_in_the_body_is_taken_by_its_name(fields: dict[str, object], name: str, is_noted: bool) -> None:
    """The surest name first; unless it says that it is of the sending, a note says that it may be another time."""
    found = learn(recording(BODY_ALONE, flat(order=7, **fields)), SECRET)
    assert found.scheme is not None
    assert (found.scheme.timestamp_field, found.scheme.covers_timestamp) == (name, True)
    assert any("may be when it happened" in note for note in found.notes) == is_noted


def test_names_of_ones_own_for_the_time() -> None:
    """A field that the given scheme has for the time is one, too."""
    scheme = Scheme(time_fields=("occurred",))
    found = learn(recording(BODY_ALONE, flat(order=7, occurred=1_700_000_000)), SECRET, scheme=scheme)
    assert found.scheme is not None
    assert found.scheme.timestamp_field == "occurred"


@pytest.mark.parametrize("away", [0, 299, 301, -301])
@pytest.mark.parametrize("by", ["at", "date"])
def test_a_recording_that_says_when_it_came(away: int, by: str) -> None:
    """A time in the body that is not near to the recording's is not the one of sending; one that is signed is noted."""
    at = NOW + away
    late = abs(away) > 300

    def dated(scheme: Scheme) -> dict[str, Any]:
        told = recording(scheme, payload())
        if by == "at":
            return {**told, "at": at}
        return {**told, "headers": [("Date", formatdate(at, usegmt=True)), *told["headers"]]}

    found = learn(dated(BODY_ALONE), SECRET)
    assert found.scheme is not None
    assert found.scheme.timestamp_field == ("" if late else "created_at")
    found = learn(dated(Scheme()), SECRET)
    assert found.scheme == Scheme()
    assert any("would have refused it" in note for note in found.notes) == late


@pytest.mark.parametrize("told", ["999999999", "10000000001", "170000000000"])
def test_a_timestamp_of_no_likely_year(told: str) -> None:
    """What would be a time before 2001 or after 2286 is signed, and is no timestamp."""
    found = learn(recording(Scheme(), payload(created_at=None), told=told), SECRET)
    assert found.scheme is not None
    assert (found.scheme.timestamp_header, found.scheme.covers_timestamp) == ("", False)


def test_an_order_that_cannot_be_read() -> None:
    """Two orders in a payload are none, and the note says so."""
    found = learn(recording(Scheme(), flat(order=7, order_id=8)), SECRET)
    assert found.reads["order"] is None
    assert any("which one cannot be read" in note for note in found.notes)


def test_tracebacks_hold_no_secret() -> None:
    """What is no recording is told without the secret, in the values of frames too."""
    with pytest.raises(UsageError) as caught:
        learn("nothing", SECRET)
    frames = [frame for frame, _ in traceback.walk_tb(caught.value.__traceback__)]
    assert SECRET not in "".join(repr(one.f_locals) for one in frames if "smmclient" in one.f_globals["__name__"])


def test_what_would_be_read_is_named() -> None:
    """Each field of the payload is named with what is read from it, and those that nothing is read from."""
    found = learn(recording(Scheme(), payload(version=3)), SECRET)
    assert isinstance(found.event, OrderEvent)
    assert found.reads["name"] == "event"
    assert found.reads["order"] == "data.order"
    assert found.reads["charge"] == "data.charge"
    assert found.reads["balance"] is None
    assert found.unread == ("version",)
    nested = payload(data={"order": {"id": "7", "status": "completed", "note": "x"}})
    found = learn(recording(Scheme(), nested), SECRET)
    assert (found.reads["order"], found.unread) == ("data.order.id", ("data.order.note",))


def test_payloads_that_cannot_be_read() -> None:
    """The scheme is found all the same, and the note says what is missing."""
    found = learn(recording(Scheme(), b'{"what": "order.completed"}'), SECRET)
    assert found.scheme is not None
    assert found.event is None
    assert any("names no event" in note for note in found.notes)
    found = learn(recording(Scheme(), b'{"what": "order.completed"}'), SECRET, scheme=Scheme(event_fields=("what",)))
    assert found.event is not None


@pytest.mark.parametrize("end", ["\r\n", "\n"])
@pytest.mark.parametrize("first", ["POST /hooks HTTP/1.1", None])
def test_http_text(end: str, first: str | None) -> None:
    """A recording of the request as text is read, with either line end; one more at its end is seen through."""
    lines = [*([first] if first else []), *(f"{name}: {value}" for name, value in [*_PLAIN, *signed(payload())])]
    text = end.join([*lines, "", payload().decode()])
    for one in (text, text.encode(), text + end):
        found = learn(one, SECRET)
        assert found.scheme == Scheme()
    assert any("line end" in note for note in found.notes)


def test_json_text() -> None:
    """Headers and body as JSON are read too."""
    assert (
        learn(json.dumps({"headers": dict(signed(payload())), "body": payload().decode()}), SECRET).scheme == Scheme()
    )


def test_nothing_fits() -> None:
    """With another secret nothing is found, and the notes say what may be wrong."""
    found = learn(recording(Scheme(), payload()), "another secret")
    assert found.scheme is None
    assert found.tried > 100
    assert found.notes
    assert any("no header looks like" in note for note in learn({"headers": {}, "body": "{}"}, SECRET).notes)


@pytest.mark.parametrize(
    "odd", ["", "POST / HTTP/1.1", "no header\nno header\n\n{}", "{}", {"headers": {}}, {"headers": 5, "body": ""}, 5]
)
def test_what_is_no_recording(odd: Any) -> None:
    """It is said what a recording looks like."""
    with pytest.raises(UsageError, match="headers"):
        learn(odd, SECRET)


def test_an_empty_secret() -> None:
    """Without a secret nothing can be learned."""
    with pytest.raises(UsageError, match="secret"):
        learn(recording(Scheme(), payload()), "")


def test_the_newest_of_a_recording() -> None:
    """A recording with a delivery on each line, the last one torn by a crash, is read by its newest whole one."""
    bodies = [payload(event_id=f"evt_{number}") for number in (1, 2)]
    lines = [json.dumps({"headers": dict(signed(body)), "body": body.decode()}) for body in bodies]
    found = learn("\n".join([*lines, lines[0][:40]]), SECRET)
    assert found.scheme == Scheme()
    assert found.reads["id"] == "id"


def test_a_line_end_between_the_parts(tmp_path: Path) -> None:
    """A signed string whose parts stand on lines of their own is found, written to TOML, and read back."""
    body = payload()
    signature = hmac.new(SECRET.encode(), f"{int(NOW)}\n".encode() + body, "sha256").hexdigest()
    headers = {"X-Webhook-Signature": signature, "X-Webhook-Timestamp": str(int(NOW))}
    found = learn({"headers": headers, "body": body.decode()}, SECRET)
    assert found.scheme is not None
    assert found.scheme.signed == "{timestamp}\n{body}"
    assert verify(body, headers, SECRET, scheme=found.scheme, now=NOW).timestamp == NOW
    path = tmp_path / "scheme.toml"
    path.write_text(found.scheme.dump(), "utf-8")
    assert load_scheme(path) == found.scheme
