"""From a row's fields to a value, by its annotations: the one place that knows how each type is read."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TypeVar

import cattrs

from smmclient.dialect.read import (
    Unreadable,
    read_count,
    read_flag,
    read_money,
    read_order_state,
    read_text,
)
from smmclient.model import OrderState

__all__ = ["BadField", "needed", "structure"]

T = TypeVar("T")


class BadField(Unreadable):
    """One field of a row cannot be read."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name = name
        self.reason = reason


def needed(value: T | None) -> T:
    """The value of a field that a row must have."""
    if value is None:
        raise Unreadable("it is missing")
    return value


_converter = cattrs.Converter()
_converter.register_structure_hook(Decimal, lambda value, _: needed(read_money(value)))
_converter.register_structure_hook(int, lambda value, _: needed(read_count(value)))
_converter.register_structure_hook(str, lambda value, _: read_text(value) or "")
_converter.register_structure_hook(Decimal | None, lambda value, _: read_money(value))
_converter.register_structure_hook(int | None, lambda value, _: read_count(value))
_converter.register_structure_hook(bool | None, lambda value, _: read_flag(value))
_converter.register_structure_hook(str | None, lambda value, _: read_text(value))
_converter.register_structure_hook(OrderState, lambda word, _: read_order_state(word))
_converter.register_structure_hook_func(lambda kind: kind is object, lambda value, _: value)


def structure(fields: Mapping[str, object], kind: type[T]) -> T:
    """A value from a row's fields; `BadField` names the one that could not be read."""
    try:
        return _converter.structure(fields, kind)
    except cattrs.ClassValidationError as errors:
        groups, _ = errors.group_exceptions()
        error, note = groups[0]
        if isinstance(error, KeyError):
            raise BadField(str(error.args[0]), "it is missing") from None
        if not isinstance(error, Unreadable):
            raise
        raise BadField(note.name, str(error)) from None
