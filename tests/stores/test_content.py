from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from duologue.stores.content import decode, encode
from tests.stores.contract_messages import CONTENTS

_SINGLE = st.none() | st.booleans() | st.integers() | st.text() | st.binary()
_CONTENT = st.recursive(
    _SINGLE | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(_CONTENT)
def test_content_comes_back_as_it_was(content: object) -> None:
    assert repr(decode(encode(content))) == repr(content)


@pytest.mark.parametrize("content", CONTENTS, ids=lambda content: repr(content)[:30])
def test_content_of_every_kind_comes_back_as_it_was(content: object) -> None:
    assert repr(decode(encode(content))) == repr(content)


@given(st.binary())
@example(b"")
@example(b"\xc1")
@example(b"\xa1\xff")
@example(b"[" * 100_000)
@example(b"\x00")
@example(b"\x00\x92\xc4\x001")
@example(b'\x00\x92\xc4\x1c{"_placeholder":true,"num":1}\x90')
def test_what_is_no_content_is_unreadable_and_no_more(stored: bytes) -> None:
    with suppress(ValueError):
        decode(stored)
