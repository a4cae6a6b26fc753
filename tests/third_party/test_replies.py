"""What Example Panel's replies become, and what it is sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from smmclient_examplepanel import EXAMPLEPANEL

from smmclient import Order
from smmclient.testing import reply

ORDER = Order(service=1, link="https://example.com/p", quantity=10)
REPLIES = json.loads((Path(__file__).parent / "replies.json").read_text("utf-8"))


@pytest.mark.parametrize("case", REPLIES, ids=lambda case: case["body"])
def test_recorded_replies(case: dict[str, Any]) -> None:
    """Each recorded reply gives its value, field by field, or its error."""
    try:
        receipt = EXAMPLEPANEL.read(reply(case["body"], case["status"]), EXAMPLEPANEL.add(ORDER, None))
    except Exception as error:
        assert type(error).__name__ == case["expect"]
    else:
        assert {name: str(getattr(receipt, name)) for name in case["expect"]} == case["expect"]


def test_its_own_form() -> None:
    """Example Panel is sent a ``target`` where the convention has a link."""
    form = dict(EXAMPLEPANEL.add(ORDER, None).form)
    assert (form["target"], "link" in form) == ("https://example.com/p", False)
