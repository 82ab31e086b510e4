"""The ledger finds what it is there to find, and nothing in what is right."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from .ledger import Kind, Ledger, pair_of

A, B = "a", "b"


@pytest.fixture
def ledger() -> Ledger:
    """Ann and Ben are linked."""
    ledger = Ledger()
    for client, peer in ((A, B), (B, A)):
        ledger.identified(client, {})
        ledger.linked(client, peer)
    return ledger


def answer(seq: int, id: str | None = None) -> dict[str, Any]:
    return {"ok": True, "id": id or f"id-{seq}", "seq": seq, "at": 1_000 + seq}


def message(seq: int, id: str | None = None, **more: Any) -> dict[str, Any]:
    id = id or f"id-{seq}"
    return {"from": A, "content": f"of {id}", "id": id, "seq": seq, "at": 1_000 + seq, **more}


def sends(ledger: Ledger, *numbers: int) -> None:
    for number in numbers:
        ledger.sending(A, B, f"id-{number}", f"of id-{number}")


def test_a_conversation_that_goes_well_has_no_violation(ledger: Ledger) -> None:
    for number in (1, 2, 3):
        sends(ledger, number)
        ledger.delivered(B, message(number))
        ledger.acked(A, B, answer(number))
    ledger.check_history(B, A, [message(1), message(2), message(3)])
    ledger.lost()
    assert not ledger.violations
    assert asyncio.run(ledger.settled(1))


def test_an_acked_message_that_never_arrives_is_lost(ledger: Ledger) -> None:
    sends(ledger, 1)
    ledger.acked(A, B, answer(1))
    assert not asyncio.run(ledger.settled(0.01))
    ledger.lost()
    assert ledger.violations == {Kind.LOST: 1}


def test_an_acked_message_that_is_not_in_history_is_lost(ledger: Ledger) -> None:
    sends(ledger, 1)
    ledger.acked(A, B, answer(1))
    ledger.delivered(B, message(1))
    ledger.check_history(B, A, [])
    assert ledger.violations == {Kind.LOST: 1}


def test_a_message_that_comes_twice_is_repeated(ledger: Ledger) -> None:
    sends(ledger, 1)
    ledger.delivered(B, message(1))
    ledger.delivered(B, message(1))
    assert ledger.violations == {Kind.REPEATED: 1}


def test_what_a_resuming_client_said_that_it_has_is_repeated(ledger: Ledger) -> None:
    sends(ledger, 1)
    ledger.delivered(B, message(1))
    ledger.identified(B, {A: 1})
    ledger.links(B, [A])
    ledger.delivered(B, message(1))
    assert ledger.violations == {Kind.REPEATED: 1}


def test_what_a_resuming_client_says_that_it_lacks_may_come_again(ledger: Ledger) -> None:
    sends(ledger, 1)
    ledger.acked(A, B, answer(1))
    ledger.identified(A, {B: 0})
    ledger.links(A, [B])
    ledger.delivered(A, message(1, to=B))
    assert not ledger.violations


@pytest.mark.parametrize("order", [(1, 3), (2, 1)])
def test_a_number_that_is_skipped_is_out_of_order(ledger: Ledger, order: tuple[int, int]) -> None:
    sends(ledger, *order)
    for number in order:
        ledger.delivered(B, message(number))
    assert set(ledger.violations) == {Kind.OUT_OF_ORDER}


def test_an_answer_that_overtakes_a_message_is_out_of_order(ledger: Ledger) -> None:
    sends(ledger, 2)
    ledger.acked(A, B, answer(2))
    assert ledger.violations == {Kind.OUT_OF_ORDER: 1}


def test_a_message_cannot_be_numbered_before_one_that_was_known(ledger: Ledger) -> None:
    sends(ledger, 1, 2)
    ledger.delivered(B, message(1))
    ledger.delivered(B, message(2))
    ledger.sending(B, A, "late", "of late")
    ledger.identified(B, {A: 2})
    ledger.acked(B, A, answer(2, "late"))
    assert Kind.OUT_OF_ORDER in ledger.violations


def test_a_message_between_clients_that_are_not_linked_is_outside(ledger: Ledger) -> None:
    sends(ledger, 1)
    ledger.unlinked(B, A)
    ledger.delivered(B, message(1))
    assert ledger.violations == {Kind.OUTSIDE: 1}


def test_a_session_has_no_links_before_it_is_told_of_them(ledger: Ledger) -> None:
    sends(ledger, 1)
    ledger.identified(B, {})
    ledger.delivered(B, message(1))
    assert ledger.violations == {Kind.OUTSIDE: 1}


def test_one_id_with_two_numbers_is_untrue(ledger: Ledger) -> None:
    sends(ledger, 1)
    ledger.acked(A, B, answer(1, "id-1"))
    ledger.acked(A, B, answer(2, "id-1"))
    assert ledger.violations == {Kind.UNTRUE: 1}


def test_one_number_for_two_messages_is_untrue(ledger: Ledger) -> None:
    sends(ledger, 1, 2)
    ledger.acked(A, B, answer(1))
    ledger.delivered(B, message(1, "id-2"))
    assert ledger.violations == {Kind.UNTRUE: 1}


def test_a_refused_message_that_arrives_is_untrue(ledger: Ledger) -> None:
    sends(ledger, 1)
    ledger.refused(A, "id-1", "unavailable", final=True)
    ledger.delivered(B, message(1))
    assert ledger.violations == {Kind.UNTRUE: 1}


def test_a_refused_message_that_will_be_tried_again_may_arrive(ledger: Ledger) -> None:
    sends(ledger, 1)
    ledger.refused(A, "id-1", "unavailable", final=False)
    ledger.delivered(B, message(1))
    assert not ledger.violations


@pytest.mark.parametrize("wrong", [{"content": "else"}, {"id": "unheard of"}, {"from": "c"}])
def test_what_nobody_sent_like_this_is_altered(ledger: Ledger, wrong: dict[str, str]) -> None:
    sends(ledger, 1)
    ledger.linked(B, "c")
    ledger.delivered(B, message(1) | wrong)
    assert Kind.ALTERED in ledger.violations


def test_where_links_come_and_go_numbers_may_be_skipped_but_not_repeated(ledger: Ledger) -> None:
    ledger.restless.add(pair_of(A, B))
    sends(ledger, 1, 3)
    ledger.delivered(B, message(1))
    ledger.delivered(B, message(3))
    assert not ledger.violations
    ledger.delivered(B, message(1))
    assert ledger.violations == {Kind.REPEATED: 1}
