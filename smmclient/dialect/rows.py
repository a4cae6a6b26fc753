"""Which row of a batch's reply is about which id. What cannot be matched is an error, never a guess."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from smmclient.dialect.classify import error_text
from smmclient.dialect.codec import unwrap
from smmclient.dialect.read import Unreadable, read_order_state, read_refill_state
from smmclient.dialect.refusals import meaning_of
from smmclient.errors import Refused, SMMError
from smmclient.model import OrderState, RefillState

__all__ = ["Unmatched", "read_rows"]

T = TypeVar("T")

#: Where some panels wrap the rows of a batch.
_WRAPPERS = ("orders", "refills", "data")


class Unmatched(Unreadable):
    """The rows of a reply do not say which id each is about: one id at a time can be asked about, several cannot."""


def read_rows(
    payload: object,
    asked: Sequence[str],
    operation: str,
    *,
    id_field: str,
    read_row: Callable[[str, object], T],
    refuse: Callable[[str, str, object], SMMError],
    missing: Callable[[str, str], SMMError],
) -> dict[str, T | SMMError]:
    """A result or an error for each id that was asked for, in that order.

    Takes an object keyed by id, a list of rows that name their id, and for a single id its bare row. A
    list of rows without ids is `Unmatched`: which row is whose would be a guess.
    """
    rows = _by_id(payload, asked, id_field)

    def read_one(one: str) -> T | SMMError:
        if one not in rows:
            return missing(one, "the reply says nothing about it")
        row = rows[one]
        if row is _TWICE:
            return missing(one, "the reply has two rows about it")
        if (text := _row_error(row, operation)) is not None:
            return refuse(one, text, row)
        try:
            return read_row(one, row)
        except Refused as error:
            error.message = f"{one}: {error.message}"
            return error
        except Unreadable as error:
            return missing(one, str(error))

    return {one: read_one(one) for one in asked}


_TWICE = object()
_ABSENT = object()


def _by_id(payload: object, asked: Sequence[str], id_field: str) -> dict[str, object]:
    if isinstance(payload, dict):
        rows = list(payload.values())
        if rows and all(_names_id(row, id_field) for row in rows):
            # What a row itself names goes before its key, which is a mere index on some panels.
            return _from_list(rows, asked, id_field)
        if any(one in payload for one in asked):
            return {one: payload[one] for one in asked if _is_about(payload.get(one, _ABSENT), one, id_field)}
        inner = unwrap(payload, *_WRAPPERS)
        if inner is not payload and (len(asked) > 1 or not _has_fields(payload)):
            return _by_id(inner, asked, id_field)
    if isinstance(payload, list) and (len(asked) > 1 or len(payload) != 1 or _names_id(payload[0], id_field)):
        return _from_list(payload, asked, id_field)
    if len(asked) == 1:
        row = payload[0] if isinstance(payload, list) else payload
        if row is None or row == []:
            raise Unreadable("the reply is null")
        return {asked[0]: row} if _is_about(row, asked[0], id_field) else {}
    if isinstance(payload, dict) and not payload:
        return {}
    raise Unmatched("the reply's rows cannot be matched to the ids that were asked for")


def _has_fields(payload: Mapping[str, object]) -> bool:
    return any(name in payload for name in ("charge", "remains", "refill", "cancel"))


def _names_id(row: object, id_field: str) -> bool:
    return isinstance(row, dict) and row.get(id_field) is not None


def _is_about(row: object, one: str, id_field: str) -> bool:
    """Whether a lone row may be about the id: it names no other. ``refill`` in a refill's row is not its order."""
    if not _names_id(row, id_field) or not isinstance(row, dict):
        return row is not _ABSENT
    return str(row[id_field]).strip() == one


def _from_list(payload: Sequence[object], asked: Sequence[str], id_field: str) -> dict[str, object]:
    rows: dict[str, object] = {}
    nameless = False
    for row in payload:
        if not _names_id(row, id_field) or not isinstance(row, dict):
            nameless = True
            continue
        named = str(row[id_field]).strip()
        rows[named] = _TWICE if named in rows else row
    found = {one: rows[one] for one in asked if one in rows}
    if nameless and not found:
        raise Unmatched("the reply is a list of rows without ids, which cannot be matched")
    return found


#: The field of a row in which an error can be nested: {"order": 9, "cancel": {"error": "…"}}.
_NESTED = {"refill": "refill", "cancel": "cancel", "refill_status": "status", "status": "status"}


def _row_error(row: object, operation: str) -> str | None:
    """The panel's words for no in a row: an error of its own, one nested under the row's field, or a bare text."""
    nested = row.get(_NESTED[operation]) if isinstance(row, dict) else row
    if isinstance(nested, str) and _is_refusal(nested, operation, bare=nested is row):
        return nested.strip()
    if isinstance(nested, dict) and nested is not row and (text := error_text(nested, operation)) is not None:
        return text
    return error_text(row, operation)


def _is_refusal(text: str, operation: str, *, bare: bool) -> bool:
    """Whether a text where an answer should be is a refusal: {"99": "Incorrect order ID"}, {"cancel": "No"}."""
    if operation == "status":
        return bare and read_order_state(text) in (OrderState.UNKNOWN, OrderState.FAILED)
    if operation == "refill_status":
        return bare and read_refill_state(text) is RefillState.UNKNOWN
    return meaning_of(text) is not None
