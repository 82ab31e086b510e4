"""How often something may happen from one address."""

from __future__ import annotations

import pytest

from duologue.core.rates import _ADDRESSES, AddressRate


def test_it_may_happen_as_often_as_allowed_and_not_once_more() -> None:
    rate = AddressRate(3)
    assert [rate.take("192.0.2.1", 0.0) for _ in range(4)] == [0.0, 0.0, 0.0, 1_200.0]


def test_it_may_happen_again_when_the_time_has_come_that_was_said() -> None:
    rate = AddressRate(1)
    rate.take("192.0.2.1", 0.0)
    wait = rate.take("192.0.2.1", 600.0)
    assert rate.take("192.0.2.1", 600.0 + wait) == 0.0


def test_one_address_does_not_use_up_what_another_may() -> None:
    rate = AddressRate(1)
    rate.take("192.0.2.1", 0.0)
    assert rate.take("192.0.2.2", 0.0) == 0.0


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9"),
        ("192.0.2.1", "::ffff:192.0.2.1"),
        ("fe80::1%eth0", "fe80::2%eth0"),
    ],
)
def test_addresses_of_one_owner_count_as_one(one: str, other: str) -> None:
    rate = AddressRate(1)
    rate.take(one, 0.0)
    assert rate.take(other, 0.0) > 0.0


def test_another_network_counts_by_itself() -> None:
    rate = AddressRate(1)
    rate.take("2001:db8:1:2::1", 0.0)
    assert rate.take("2001:db8:1:3::1", 0.0) == 0.0


@pytest.mark.parametrize("address", ["", "unix:", "not:an:address"])
def test_what_is_no_address_counts_too(address: str) -> None:
    rate = AddressRate(1)
    assert (rate.take(address, 0.0), rate.take(address, 0.0)) == (0.0, 3_600.0)


def test_a_clock_that_is_set_back_takes_nothing_away() -> None:
    rate = AddressRate(2)
    rate.take("192.0.2.1", 1_000.0)
    assert rate.take("192.0.2.1", 0.0) == 0.0


def test_addresses_that_have_rested_are_forgotten() -> None:
    rate = AddressRate(1)
    for number in range(_ADDRESSES):
        rate.take(f"10.{number}", 0.0)
    rate.take("192.0.2.1", 3_600.0)
    assert len(rate) == 1


def test_however_many_addresses_there_are_few_are_remembered() -> None:
    rate = AddressRate(1)
    for number in range(3 * _ADDRESSES):
        rate.take(f"10.{number}", 0.0)
    assert len(rate) <= _ADDRESSES
