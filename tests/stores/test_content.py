"""What a message says, as it is kept."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from duologue.stores import content

_HUGE = st.integers(-(10**300), 10**300)
_PLAIN = (
    st.none()
    | st.booleans()
    | st.integers()
    | _HUGE
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)


def _nested(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=20,
    )


def _exact(value: Any) -> Any:
    """Something that tells 1 from 1.0 and True, and bytes from whatever is like them."""
    return repr(value)


@given(_nested(_PLAIN))
@example("")
@example("\x00")
@example("\N{ZERO WIDTH JOINER}\U0001f469")
@example(2**64)
@example(-(2**63) - 1)
@example(1e308)
@example(-0.0)
@example({"_placeholder": True, "num": 0})
@example([{"_placeholder": True, "num": 99}])
def test_any_json_comes_back_as_it_was(value: Any) -> None:
    assert _exact(content.decode(content.encode(value))) == _exact(value)


@given(_nested(_PLAIN | st.binary()))
@example(b"")
@example(b"\x00")
@example([b"a", {"b": [b"b", "c"], "d": b"d" * 70_000}])
@example({"": [2**70, b"\xff"]})
def test_binary_comes_back_from_wherever_it_was(value: Any) -> None:
    assert _exact(content.decode(content.encode(value))) == _exact(value)


@given(_nested(_PLAIN))
def test_what_holds_no_binary_is_kept_as_the_json_that_it_is(value: Any) -> None:
    assert _exact(msgspec.json.decode(content.encode(value))) == _exact(value)


@given(st.binary())
@example(b"")
@example(b"\xff")
@example(b'"\xff"')
@example(b"[" * 100_000)
@example(b"9" * 5_000)
@example(b"1e400")
@example(b"\x00")
@example(b"\x00\xc1")
@example(b"\x00" + b"\x91" * 100_000)
def test_what_is_no_content_is_said_to_be_none_and_no_more(data: bytes) -> None:
    with suppress(ValueError):
        content.decode(data)


_PLACEHOLDER = st.fixed_dictionaries(
    {"_placeholder": st.just(value=True)}, optional={"num": _PLAIN}
)


@given(
    text=st.binary() | _nested(_PLAIN | _PLACEHOLDER).map(msgspec.json.encode),
    attachments=st.lists(_PLAIN.filter(lambda value: not isinstance(value, int)) | st.binary()),
)
@example(b'{"_placeholder":true,"num":0}', [])
@example(b'{"_placeholder":true,"num":true}', [b"x"])
@example(b'{"_placeholder":true,"num":[]}', [b"x"])
@example(b'[{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]', [b"x"])
@example(b"[" * 100_000, [b"x"])
def test_what_is_almost_content_is_said_to_be_none_and_no_more(
    text: bytes, attachments: list[Any]
) -> None:
    with suppress(ValueError):
        content.decode(b"\x00" + msgspec.msgpack.encode((text, attachments)))


@pytest.mark.parametrize("data", [b"", b"{", b"\x00", b"\x00\x92\xc4\x01{\x90"])
def test_what_is_cut_off_is_a_value_error(data: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        content.decode(data)
