"""JWK sets that may change: in a file, or behind a URL."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import logging
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final
from urllib.parse import urlsplit

from .auth_options import CannotUseKeys
from .keys import (
    MAX_BYTES,
    MAX_KID_CHARS,
    Key,
    KeyFile,
    KeySet,
    KeysUnavailable,
    NoKey,
    key_set,
)

_logger: Final = logging.getLogger("duologue.auth")

#: Key IDs that are remembered to be in no set.
_MAX_MISSING: Final = 1_000


class KeySetFile:
    """A JWK set in a file, which is read again when it has changed. Raises `CannotUseKeys`."""

    def __init__(self, path: str, algorithms: Iterable[str]) -> None:
        wanted = tuple(algorithms)
        self._file = KeyFile(path, lambda data: key_set(data, wanted))

    def find(self, id: str | None, algorithm: str, now: float) -> Key:
        found = self._file.current().find(id, algorithm)
        if found is None:
            raise NoKey
        return found


class KeySetUrl:
    """A JWK set behind a URL: fetched when a token asks for a key that is not at hand.

    Times in seconds: what was fetched is good for `ttl`, and for `stale` more while it cannot be
    fetched again. One fetch begins `interval` after the last at the earliest, however many tokens
    name keys that nobody knows; it may take `timeout`. `fetch` gets URL and time-out, runs on a
    thread of its own, and raises `CannotUseKeys`.
    """

    def __init__(
        self,
        url: str,
        algorithms: Iterable[str],
        *,
        ttl: float = 600.0,
        stale: float = 3_600.0,
        interval: float = 10.0,
        timeout: float = 5.0,
        fetch: Callable[[str, float], bytes] | None = None,
    ) -> None:
        self._url = url
        self._algorithms = tuple(algorithms)
        self._ttl, self._stale = ttl, stale
        self._interval, self._timeout = interval, timeout
        self._fetch = fetch or fetch_url
        self._keys = KeySet()
        self._fetched_at = -1e12
        self._asked_at = -1e12
        #: Key IDs that the set did not have when it was fetched last.
        self._missing: set[str] = set()
        #: Whether it succeeded; for all that wait for the same fetch.
        self._asking: asyncio.Future[bool] | None = None
        #: Whether a thread is at it, which may be so after nobody waits for it any more.
        self._running = False

    def find(self, id: str | None, algorithm: str, now: float) -> Key | Awaitable[Key]:
        if id is not None and len(id) > MAX_KID_CHARS:
            raise NoKey
        if 0 <= now - self._fetched_at < self._ttl:
            key = self._keys.find(id, algorithm)
            if key is not None:
                return key
            if id in self._missing and now - self._asked_at < self._interval:
                raise NoKey
        if self._asking is None and not self._may_ask(now):
            return self._old(id, algorithm, now)
        return self._ask(id, algorithm, now)

    def _may_ask(self, now: float) -> bool:
        # One that hangs for ever must not be joined by another each time
        return not self._running and not 0 <= now - self._asked_at < self._interval

    def _old(self, id: str | None, algorithm: str, now: float) -> Key:
        """A key from what there is, where nothing newer can be had."""
        if 0 <= now - self._fetched_at < self._ttl + self._stale:
            key = self._keys.find(id, algorithm)
            if key is not None:
                return key
        raise KeysUnavailable

    async def _ask(self, id: str | None, algorithm: str, now: float) -> Key:
        if self._asking is None:
            self._asking = self._begin(now)
        # Whoever waits may go away, others wait for the same
        if not await asyncio.shield(self._asking):
            return self._old(id, algorithm, now)
        key = self._keys.find(id, algorithm)
        if key is None:
            if id is not None and len(self._missing) < _MAX_MISSING:
                self._missing.add(id)
            raise NoKey
        return key

    def _begin(self, now: float) -> asyncio.Future[bool]:
        loop = asyncio.get_running_loop()
        asking: asyncio.Future[bool] = loop.create_future()
        self._asked_at = now
        late = CannotUseKeys("it took too long")
        timer = loop.call_later(self._timeout, self._asked, asking, now, late)
        asking.add_done_callback(lambda _: timer.cancel())
        # A daemon, and none of the loop's own: no end of the server waits for it
        self._running = True
        threading.Thread(
            target=self._run, args=(loop, asking, now), name="duologue-keys", daemon=True
        ).start()
        return asking

    def _run(
        self, loop: asyncio.AbstractEventLoop, asking: asyncio.Future[bool], now: float
    ) -> None:
        result: KeySet | CannotUseKeys
        try:
            result = key_set(self._fetch(self._url, self._timeout), self._algorithms)
        except CannotUseKeys as error:
            result = error
        except Exception:  # a fault of ours, after which the keys have to be asked for again, too
            _logger.exception("fetching keys failed")
            result = CannotUseKeys("a fault of ours")
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(self._returned, asking, now, result)

    def _returned(
        self, asking: asyncio.Future[bool], now: float, result: KeySet | CannotUseKeys
    ) -> None:
        self._running = False
        self._asked(asking, now, result)

    def _asked(
        self, asking: asyncio.Future[bool], now: float, result: KeySet | CannotUseKeys
    ) -> None:
        if asking.done():
            return
        self._asking = None
        if isinstance(result, KeySet):
            self._keys, self._fetched_at = result, now
            self._missing.clear()
        else:
            _logger.warning("the keys at %s cannot be fetched: %s", _shown(self._url), result)
        asking.set_result(isinstance(result, KeySet))


def _shown(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"


def _opener(url: str) -> urllib.request.OpenerDirector:
    if urlsplit(url).scheme == "https":
        return urllib.request.build_opener(_NoRedirects)
    # In plain text only from this machine: a proxy would answer from another, or with what it likes
    return urllib.request.build_opener(_NoRedirects, urllib.request.ProxyHandler({}))


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Only the URL that is configured is ever asked."""

    def redirect_request(self, *_: Any) -> None:
        return None


def fetch_url(url: str, timeout: float) -> bytes:
    """What is at a URL that `check_url` has passed, within `timeout` seconds.

    Raises `CannotUseKeys`.
    """
    until = time.monotonic() + timeout
    request = urllib.request.Request(  # noqa: S310 - `check_url`
        url, headers={"Accept": "application/json", "User-Agent": "duologue"}
    )
    data = b""
    try:
        with _opener(url).open(request, timeout=timeout) as answer:
            while len(data) <= MAX_BYTES and (part := answer.read1(65_536)):
                data += part
                if time.monotonic() > until:
                    raise CannotUseKeys("it took too long")
    except urllib.error.HTTPError as error:
        error.close()
        raise CannotUseKeys(f"the answer is {error.code}") from error
    except urllib.error.URLError as error:
        raise CannotUseKeys(str(error.reason)) from error
    # ValueError is what the standard library has for names that cannot be encoded, among others
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise CannotUseKeys(str(error) or type(error).__name__) from error
    return data
