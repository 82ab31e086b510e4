"""What is made up here: IDs, resume tokens, and codes that can be said aloud.

A code is made of syllables, as in Proquints (arXiv:0901.4016): sixteen bits are five letters,
consonants and vowels in turn.
"""

from __future__ import annotations

import hashlib
import itertools
import secrets
from collections.abc import Iterator
from typing import Final

_CONSONANTS: Final = "bdfghjklmnprstvz"
_VOWELS: Final = "aiou"

#: 48 bits: with a few guesses a minute and a day to live, nobody finds one by trying.
_WORDS: Final = 3


def uuid4() -> str:
    """A random UUID."""
    # The standard library's takes five times as long, for an object that nobody wants
    bits = (secrets.randbits(128) & ~(0xF << 76) & ~(0x3 << 62)) | (0x4 << 76) | (0x2 << 62)
    digits = f"{bits:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def message_ids() -> Iterator[str]:
    """IDs for messages whose senders gave none.

    They only have to differ: a random half for this process and a counter make a UUID for a
    fraction of the price of a random one.
    """
    half = uuid4()[:24]
    endings = [f"{number:03x}" for number in range(0x1000)]
    for number in itertools.count():
        beginning = f"{half}{number:09x}"
        for ending in endings:
            yield beginning + ending


def new_token() -> str:
    """A secret of 256 bits, as 43 characters that need no escaping."""
    return secrets.token_urlsafe(32)


def new_code() -> str:
    """An invitation's code, such as ``lusab-babad-gutih``."""
    return "-".join(_word(secrets.randbits(16)) for _ in range(_WORDS))


def _word(bits: int) -> str:
    return "".join(
        _CONSONANTS[bits >> shift & 15] if kind == "c" else _VOWELS[bits >> shift & 3]
        for kind, shift in zip("cvcvc", (12, 10, 6, 4, 0), strict=True)
    )


def spelled(code: str) -> str:
    """A code as it was made up, however it was typed."""
    letters = "".join(letter for letter in code.lower() if letter.isalnum())
    return "-".join(letters[at : at + 5] for at in range(0, len(letters), 5))


def code_digest(code: str) -> bytes:
    """What is kept of a code; however it was typed."""
    return digest(spelled(code))


def digest(secret: str) -> bytes:
    """What is kept of a secret that nobody can guess: its SHA-256."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
