"""Rate limits as arithmetic: how many, until when, and whose they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smmclient.sandbox.limits import Limit, Limiter, Limits, Meter, Window, is_denied, limit_headers

BOTH = pytest.mark.parametrize("window", list(Window), ids=lambda window: window.value)


@BOTH
def test_room_for_the_rate_and_no_more(window: Window) -> None:
    """Three in ten seconds means that the fourth is denied, with the remaining room told each time."""
    meter = Meter("key", Limit(3, 10, window))
    verdicts = [meter.take("k", now=100.0) for _ in range(4)]
    assert [verdict.is_allowed for verdict in verdicts] == [True, True, True, False]
    assert [verdict.remaining for verdict in verdicts] == [2, 1, 0, 0]


@BOTH
def test_room_again_at_the_reset(window: Window) -> None:
    """A denied request may come again at the very moment that was named, and denials cost nothing."""
    meter = Meter("key", Limit(2, 10, window))
    for now in (103.0, 104.0):
        meter.take("k", now=now)
    denied = [meter.take("k", now=105.0) for _ in range(50)][-1]
    assert not denied.is_allowed
    assert meter.take("k", now=denied.resets_at).is_allowed


def test_fixed_window_follows_the_clock() -> None:
    """A fixed window ends on a multiple of its length, so two full ones may touch."""
    meter = Meter("key", Limit(2, 10, Window.FIXED))
    assert [meter.take("k", now=now).is_allowed for now in (109.8, 109.9, 110.0, 110.1)] == [True] * 4
    assert meter.take("k", now=110.2).resets_at == 120.0


def test_sliding_window_forgets_one_by_one() -> None:
    """A sliding window gives back the room of a request ten seconds after that request."""
    meter = Meter("key", Limit(2, 10, Window.SLIDING))
    for now in (109.0, 112.0):
        meter.take("k", now=now)
    assert meter.take("k", now=118.9).resets_at == 119.0
    assert meter.take("k", now=119.0).is_allowed
    assert not meter.take("k", now=121.9).is_allowed


@given(waits=st.lists(st.floats(0, 5), max_size=80), rate=st.integers(1, 5))
def test_no_stretch_holds_more_than_a_sliding_limit(waits: list[float], rate: int) -> None:
    """However requests come, no ten seconds hold more than the rate of them."""
    meter, now, allowed = Meter("key", Limit(rate, 10, Window.SLIDING)), 0.0, list[float]()
    for wait in waits:
        now += wait
        if meter.take("k", now=now).is_allowed:
            allowed.append(now)
    assert all(sum(start <= time < start + 10 for time in allowed) <= rate for start in allowed)


@BOTH
def test_names_do_not_share_room(window: Window) -> None:
    """Each key has a count of its own."""
    meter = Meter("key", Limit(1, 10, window))
    assert meter.take("k", now=0).is_allowed
    assert meter.take("other", now=0).is_allowed


def test_tier_is_shared_by_all_keys() -> None:
    """A second key of the same account has room of its own, but none once the tier is used up."""
    limiter = Limiter(Limits(key=Limit(9), tier=Limit(3)))
    outcomes = [is_denied(limiter.admit_key(key, "owner", now=0)) for key in ("a", "a", "b", "b")]
    assert outcomes == [False, False, False, True]
    headers = dict(limit_headers(limiter.admit_key("b", "owner", now=0)))
    assert headers["X-RateLimit-DeniedBy"] == "tier"


def test_a_denied_key_costs_the_tier_nothing() -> None:
    """What the key's own limit stops is not counted for the tier."""
    limiter = Limiter(Limits(key=Limit(1), tier=Limit(2)))
    for _ in range(5):
        limiter.admit_key("a", "owner", now=0)
    assert not is_denied(limiter.admit_key("b", "owner", now=0))


def test_headers_are_those_of_the_nearest_limit() -> None:
    """The figures are those of the limit with the least room; the tier's stand beside them."""
    limiter = Limiter(Limits(address=Limit(300), key=Limit(100, 60), tier=Limit(1000)))
    verdicts = (*limiter.admit_address("127.0.0.1", now=90.5), *limiter.admit_key("k", "owner", now=90.5))
    assert dict(limit_headers(verdicts)) == {
        "X-RateLimit-Limit": "100",
        "X-RateLimit-Remaining": "99",
        "X-RateLimit-Reset": "120",
        "X-RateLimit-Tier-Remaining": "999",
    }


def test_no_limits_no_headers() -> None:
    """A panel without limits says nothing about them."""
    limiter = Limiter(Limits())
    assert limiter.admit_address("127.0.0.1", now=0) == limiter.admit_key("k", "owner", now=0) == ()
    assert limit_headers(()) == ()


def test_reset_is_never_too_early() -> None:
    """A reset between two seconds is rounded up to the later one."""
    meter = Meter("key", Limit(1, 10, Window.SLIDING))
    assert dict(limit_headers([meter.take("k", now=0.25)]))["X-RateLimit-Reset"] == "11"
