"""How often something may happen."""

from __future__ import annotations

import ipaddress
from typing import Final

#: So many addresses may be remembered before those are forgotten that have rested.
_ADDRESSES: Final = 10_000

_HOUR: Final = 3_600.0


class AddressRate:
    """A limit on how often something may happen from one IP address: `per_hour` on average, as
    many in a burst. The addresses of an IPv6 network of 64 bits count as one, for they all are its
    owner's.
    """

    def __init__(self, per_hour: int) -> None:
        self._size = float(per_hour)
        self._rate = per_hour / _HOUR
        #: What is left of each that has been seen lately, and at which time that was.
        self._left: dict[str, tuple[float, float]] = {}

    def __len__(self) -> int:
        """How many addresses are remembered."""
        return len(self._left)

    def take(self, address: str, now: float) -> float:
        """0.0 if it may happen once more at `now`, else the seconds until it may."""
        key = _network(address)
        left = self._refilled(key, now)
        if left < 1.0:
            return (1.0 - left) / self._rate
        if key not in self._left and len(self._left) >= _ADDRESSES:
            self._forget_rested(now)
        self._left[key] = left - 1.0, now
        return 0.0

    def _refilled(self, key: str, now: float) -> float:
        left, at = self._left.get(key, (self._size, now))
        # A clock that was set back must not take anything away
        return min(self._size, left + max(now - at, 0.0) * self._rate)

    def _forget_rested(self, now: float) -> None:
        left = {
            key: kept for key, kept in self._left.items() if self._refilled(key, now) < self._size
        }
        if len(left) >= _ADDRESSES:
            # All of them are at it: those that have most left lose least by being forgotten
            keep = sorted(left, key=lambda key: self._refilled(key, now))[: _ADDRESSES // 2]
            left = {key: left[key] for key in keep}
        self._left = left


def _network(address: str) -> str:
    if ":" in address:
        try:
            network = ipaddress.IPv6Address(address.partition("%")[0])
        except ValueError:
            return address
        if network.ipv4_mapped is not None:
            return str(network.ipv4_mapped)
        return str(int(network) >> 64)
    return address
