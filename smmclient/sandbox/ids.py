"""Ids as newer panels make them."""

from random import Random

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def ulid(now: float, chance: Random) -> str:
    """Return 26 letters: 48 bits of milliseconds, then 80 bits of chance."""
    bits = (int(now * 1000) & (1 << 48) - 1) << 80 | chance.getrandbits(80)
    return "".join(_CROCKFORD[bits >> shift & 31] for shift in range(125, -1, -5))
