"""What is known of clients and of what stands between two of them."""

from __future__ import annotations

import enum
import unicodedata
from typing import Final

import msgspec
from msgspec.structs import replace

MAX_ID_CHARS: Final = 128
MAX_NAME_CHARS: Final = 64
MAX_NOTE_CHARS: Final = 200
MAX_TOKEN_CHARS: Final = 16_384

#: Times are seconds since the epoch, and a number from this one on is none: the last year of a
#: calendar is below it, and the time of day in milliseconds is above.
MAX_TIME: Final = 10**12


def is_id(text: str) -> bool:
    """Whether this can be a client's ID: it has characters, not too many, and none that control
    terminals or cannot be encoded."""
    return 0 < len(text) <= MAX_ID_CHARS and (
        text.isprintable() or not any(unicodedata.category(each) in _CONTROL for each in text)
    )


def plain(text: str) -> str:
    """The text of a string that may be of a class of an application's own, such as one for markup:
    those cannot be encoded."""
    return str.__str__(text)


_CONTROL: Final = frozenset(("Cc", "Cs", "Zl", "Zp"))


class Policy(enum.StrEnum):
    """Who may write to whom: `OPEN` is anyone to anyone, as in the tutorial."""

    REQUIRED = "required"
    OPEN = "open"


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """The settings that decisions depend on. Times in seconds, the rest are numbers of pairs."""

    policy: Policy = Policy.REQUIRED
    request_ttl: float = 3600.0
    decline_cooldown: float = 60.0
    max_requests_sent: int = 50
    max_requests_received: int = 200
    max_links: int = 1000
    max_blocks: int = 1000
    queue_max: int = 1000
    identity_ttl: float = 90 * 86400.0
    resume_overlap: float = 3600.0
    invite_ttl: float = 86400.0
    max_invites: int = 20


class Identity(msgspec.Struct, kw_only=True):
    """A client as others know it, and how many pairs it is in, by what they are to it.

    One that is `kept` outlives its sessions; `expires_at` is when it ends, None while it is
    connected. `last_seen` is in milliseconds, `queued` the messages that wait for it while it is
    away. Times in seconds since the epoch where nothing else is said.
    """

    id: str
    name: str | None = None
    kept: bool = False
    expires_at: float | None = None
    last_seen: int | None = None
    queued: int = 0
    sent: int = 0
    received: int = 0
    links: int = 0
    blocks: int = 0


def alive(identity: Identity | None, now: float) -> Identity | None:
    """The identity unless its time is over: from then on it is as one that has been swept up."""
    if identity is None or identity.expires_at is None or identity.expires_at > now:
        return identity
    return None


class State(enum.Enum):
    """What stands between two clients, as neither of the two sees it."""

    NONE = "none"
    REQUESTED = "requested"
    LINKED = "linked"


class Progress(msgspec.Struct, frozen=True):
    """How far one side of a pair has got, as sequence numbers: `got` is what was given to one of
    its sessions, `delivered` and `read` what it said itself."""

    got: int = 0
    delivered: int = 0
    read: int = 0


class Pair(msgspec.Struct, kw_only=True):
    """All that stands between two clients; `low` and `high` are their IDs in order.

    `requester` asked first; the other side is not told of a `silent` request, which is one made
    to somebody who blocks. A cooldown is the time until which that client's requests to the other
    are refused. `seq` is the number of the last message, `first` that of the first one of the
    present link: what was said before is not shown again. Times in seconds since the epoch.
    """

    low: str
    high: str
    state: State = State.NONE
    requester: str | None = None
    silent: bool = False
    note: str | None = None
    expires_at: float = 0.0
    blockers: frozenset[str] = frozenset()
    low_cooldown: float = 0.0
    high_cooldown: float = 0.0
    seq: int = 0
    first: int = 1
    low_progress: Progress = Progress()
    high_progress: Progress = Progress()

    def other(self, client: str) -> str:
        return self.high if client == self.low else self.low

    def cooldown(self, client: str) -> float:
        return self.low_cooldown if client == self.low else self.high_cooldown

    def progress(self, client: str) -> Progress:
        return self.low_progress if client == self.low else self.high_progress

    @property
    def blank(self) -> bool:
        """Whether forgetting this pair would change nothing."""
        return (
            self.state is State.NONE
            and not self.blockers
            and not self.seq
            and not self.low_cooldown
            and not self.high_cooldown
        )


def new_pair(a: str, b: str) -> Pair:
    """Two clients between whom there has been nothing yet."""
    return Pair(low=a, high=b) if a < b else Pair(low=b, high=a)


def with_progress(pair: Pair, client: str, progress: Progress) -> Pair:
    """The pair when one side has got further."""
    if client == pair.low:
        return replace(pair, low_progress=progress)
    return replace(pair, high_progress=progress)


#: A token that has not been used yet expires with its identity and not by itself: at this time plus
#: that at which it was issued, so that of several the oldest is known.
UNUSED: Final = 1e12


class Token(msgspec.Struct, frozen=True):
    """What takes an identity back: the SHA-256 digest of a secret, valid until `expires_at`."""

    digest: bytes
    client: str
    expires_at: float

    @property
    def unused(self) -> bool:
        return self.expires_at >= UNUSED


class Invite(msgspec.Struct, frozen=True):
    """Consent given in advance to whoever knows the code, of which this is the SHA-256 digest.

    `uses` is how often it can still be redeemed. One that was used up is kept until it expires, so
    that its maker can be told that it is tried again.
    """

    digest: bytes
    maker: str
    uses: int
    expires_at: float


class TokenBucket:
    """A limit on how often something may happen: `per_minute` on average, as many in a burst."""

    __slots__ = ("_at", "_rate", "_size", "_tokens")

    def __init__(self, per_minute: int, now: float) -> None:
        self._size = float(per_minute)
        self._rate = per_minute / 60.0
        self._tokens = self._size
        self._at = now

    def take(self, now: float) -> bool:
        """Whether it may happen once more at `now`."""
        tokens = self._tokens
        if tokens < 1.0 or now - self._at > 1.0:
            # Refilled only when it is due or dry: most calls cost one comparison. A clock that was
            # set back must not take tokens away.
            tokens = min(self._size, tokens + max(now - self._at, 0.0) * self._rate)
            self._at = now
            if tokens < 1.0:
                self._tokens = tokens
                return False
        self._tokens = tokens - 1.0
        return True

    def wait(self) -> float:
        """Seconds until the next one may happen."""
        return max(1.0 - self._tokens, 0.0) / self._rate
