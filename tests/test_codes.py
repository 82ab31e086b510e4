"""Secrets that are made up here."""

from __future__ import annotations

import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue import codes

CODE = re.compile(r"[bdfghjklmnprstvz][aiou][bdfghjklmnprstvz][aiou][bdfghjklmnprstvz]")


def test_a_code_is_three_words_that_can_be_said() -> None:
    words = codes.new_code().split("-")
    assert [bool(CODE.fullmatch(word)) for word in words] == [True] * 3


@pytest.mark.parametrize(
    ("bits", "word"),
    [
        # The proquints of 127.0.0.1, 63.84.220.193 and 147.67.119.2, from arXiv:0901.4016
        (0x7F00, "lusab"),
        (0x0001, "babad"),
        (0x3F54, "gutih"),
        (0xDCC1, "tugad"),
        (0x9343, "natag"),
        (0x7702, "lisaf"),
        (0x0000, "babab"),
        (0xFFFF, "zuzuz"),
    ],
)
def test_sixteen_bits_are_the_word_that_they_are_elsewhere(bits: int, word: str) -> None:
    assert codes._word(bits) == word


@given(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF))
def test_different_bits_are_different_words(one: int, other: int) -> None:
    assert (codes._word(one) == codes._word(other)) == (one == other)


def test_no_two_codes_are_alike() -> None:
    assert len({codes.new_code() for _ in range(1_000)}) == 1_000


def test_a_code_fits_into_the_field_that_it_is_redeemed_with() -> None:
    assert len(codes.new_code()) <= 64


@pytest.mark.parametrize(
    "typed",
    ["lusab-babad-gutih", "LUSAB-BABAD-GUTIH", " lusab babad  gutih\n", "Lusab.Babad_gutih!"],
)
def test_a_code_is_the_same_however_it_was_typed(typed: str) -> None:
    assert codes.code_digest(typed) == codes.code_digest("lusabbabadgutih")


@pytest.mark.parametrize("typed", ["", "lusab-babad", "lusab-babad-gutik", "babad-lusab-gutih"])
def test_another_code_is_another(typed: str) -> None:
    assert codes.code_digest(typed) != codes.code_digest("lusab-babad-gutih")


def test_a_token_is_43_characters_that_need_no_escaping() -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", codes.new_token())


def test_no_two_tokens_are_alike() -> None:
    assert len({codes.new_token() for _ in range(1_000)}) == 1_000


def test_of_a_token_its_sha_256_is_kept() -> None:
    assert codes.digest("secret") == hashlib.sha256(b"secret").digest()


@given(st.text(st.characters()))
def test_anything_that_a_client_can_send_has_a_digest(text: str) -> None:
    assert (len(codes.digest(text)), len(codes.code_digest(text))) == (32, 32)


def test_a_lone_surrogate_has_a_digest() -> None:
    assert len(codes.digest("\ud800")) == 32
