"""The REST API as an ASGI application: who asks, what is asked, and how that is answered."""

from __future__ import annotations

import hashlib
import logging
import math
import re
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from http import HTTPStatus
from typing import Any, Final, get_args, get_origin, get_type_hints
from urllib.parse import parse_qsl

import msgspec
from msgspec import UNSET
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from duologue.core import errors
from duologue.core.errors import Refusal
from duologue.host import Host, Refused
from duologue.wire import socketio
from duologue.wire.engineio import PacketError

from .bodies import Failed, MessageBody, Problem, failed, from_refusal
from .idempotency import Answer, Answers, message_id
from .keys import Keys
from .openapi import KEY_PATTERN, PATH, PREFIX, document
from .operations import OPERATIONS, Operation

_Scope = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
_Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
_Asgi = Callable[[_Scope, _Receive, _Send], Awaitable[None]]

_logger: Final = logging.getLogger("duologue.rest")

JSON: Final = "application/json"
PROBLEM: Final = "application/problem+json"

_HEADERS: Final = {"cache-control": "no-store", "x-content-type-options": "nosniff"}

_KEY: Final = re.compile(KEY_PATTERN)
_MAX_DETAIL_CHARS: Final = 300
_MAX_QUERY_FIELDS: Final = 200
_UNAVAILABLE_SECONDS: Final = 1.0
_FAULT: Final = "Something went wrong here; the server's log says what"

_encode: Final = msgspec.json.Encoder().encode
#: The same for two bodies that say the same.
_canonical: Final = msgspec.json.Encoder(order="sorted").encode


class Api:
    """Serves ``/api/v1`` to whoever has one of `keys`, and everything else by `fallback`.

    `max_body_bytes` and `max_json_depth` are limits on bodies.
    """

    def __init__(
        self,
        host: Host,
        keys: Iterable[str],
        fallback: _Asgi,
        *,
        max_body_bytes: int,
        max_json_depth: int,
        answers: Answers | None = None,
    ) -> None:
        self._host = host
        self._keys = Keys(keys)
        self._fallback = fallback
        self._max_body_bytes = max_body_bytes
        self._max_json_depth = max_json_depth
        self._answers = answers or Answers()
        self._document = Answer(200, _encode(document()), JSON, {})
        self._operations: dict[str, dict[str, Operation]] = {}
        for operation in OPERATIONS:
            self._operations.setdefault(operation.path, {})[operation.method] = operation

    async def __call__(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        path = scope.get("path", "").removeprefix(scope.get("root_path", ""))
        ours = f"{path}/".startswith(f"{PREFIX}/") and _is_plain(scope, path)
        if scope["type"] != "http" or not ours:
            await self._fallback(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            answer = await self._answer(request, path.removeprefix(PREFIX))
        except Failed as failure:
            answer = _problem(failure)
        except ClientDisconnect:
            return
        except Exception:  # a fault of ours, of which the one who asks is told no more than that
            id = request.headers.get("x-request-id", "")
            _logger.exception("a request by a host failed", extra={"request": id})
            answer = _problem(failed(500, _FAULT, errors.UNAVAILABLE))
        headers = {**_HEADERS, **answer.headers}
        media_type = answer.media_type if answer.body else None
        response = Response(answer.body, answer.status, headers, media_type)
        await response(scope, receive, send)

    async def _answer(self, request: Request, path: str) -> Answer:
        address = "" if request.client is None else request.client.host
        self._keys.check(request.headers.getlist("authorization"), address, time.time())
        method = "GET" if request.method == "HEAD" else request.method
        operations = self._operations.get(path, {})
        if path == PATH and method == "GET":
            return self._document
        if not operations and path != PATH:
            raise failed(404, "There is nothing at this address", errors.NOT_FOUND)
        operation = operations.get(method)
        if operation is None:
            names = set(operations) or {"GET"}
            allowed = names | {"HEAD"} if "GET" in names else names
            raise failed(405, "This method is not offered here", allow=", ".join(sorted(allowed)))
        if not operation.has_body:
            query = _query(request.scope["query_string"], operation.asks)
            return await self._carried_out(operation, query)
        asked = await self._body(request, operation.asks)
        return await self._once(request, operation, asked)

    async def _once(self, request: Request, operation: Operation, asked: msgspec.Struct) -> Answer:
        keys = request.headers.getlist("idempotency-key")
        if not keys:
            return await self._carried_out(operation, asked)
        if len(keys) > 1 or not _KEY.fullmatch(keys[0]):
            sentence = "An Idempotency-Key has 1 to 255 visible ASCII characters"
            raise failed(422, sentence)
        said = f"{operation.method} {operation.path}\n".encode() + _canonical(asked)
        fingerprint = hashlib.sha256(said).digest()
        if isinstance(asked, MessageBody) and asked.id is UNSET:
            asked.id = message_id(keys[0], fingerprint)

        async def make() -> Answer:
            try:
                return await self._carried_out(operation, asked)
            except Failed as failure:
                return _problem(failure)

        return await self._answers.once(keys[0], fingerprint, time.monotonic(), make)

    async def _carried_out(self, operation: Operation, asked: msgspec.Struct) -> Answer:
        try:
            status, found = await operation.run(self._host, asked)
        except Refused as refused:
            raise from_refusal(refused.refusal) from refused
        body = b"" if found is None else _encode(found)
        if operation.method != "GET":
            _logger.info("%s by a host: %d", operation.name, status)
        return Answer(status, body, JSON, {})

    async def _body(self, request: Request, kind: type[msgspec.Struct]) -> msgspec.Struct:
        if request.scope["query_string"]:
            raise failed(422, "A request with a body takes nothing in its query")
        _check_type(request)
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > self._max_body_bytes:
                sentence = f"A body has at most {self._max_body_bytes} bytes"
                raise failed(413, sentence, errors.TOO_LARGE)
        try:
            socketio.check_depth(bytes(body), self._max_json_depth)
            return msgspec.json.decode(body, type=kind)
        except msgspec.ValidationError as error:
            raise failed(422, str(error)) from error
        except (PacketError, RecursionError) as error:
            raise failed(422, "Arrays and objects nest too deep") from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise failed(400, f"The body is not JSON: {error}") from error


def _is_plain(scope: _Scope, path: str) -> bool:
    """Whether a path was sent as it reads: nothing here needs an escape, and with one a path passes
    proxies that let nobody come to this address."""
    raw: bytes | None = scope.get("raw_path")
    return raw is None or raw.partition(b"?")[0].endswith(path.encode("utf-8", "replace"))


def _check_type(request: Request) -> None:
    media_type, _, parameters = request.headers.get("content-type", "").partition(";")
    charset = parameters.strip().lower().replace('"', "")
    if media_type.strip().lower() != JSON or charset not in ("", "charset=utf-8"):
        raise failed(415, f"A body is {JSON}", accept_post=JSON)
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise failed(415, "A body is not compressed", accept_encoding="identity")


def _query(query: bytes, kind: type[msgspec.Struct]) -> msgspec.Struct:
    try:
        pairs = parse_qsl(
            query.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MAX_QUERY_FIELDS,
        )
    except ValueError as error:  # UnicodeDecodeError is one
        raise failed(400, "The query is malformed") from error
    lists = {
        name
        for name, hint in get_type_hints(kind, include_extras=True).items()
        if get_origin(get_args(hint)[0] if get_args(hint) else None) is list
    }
    values: dict[str, Any] = {name: [] for name in lists if any(name == key for key, _ in pairs)}
    for name, value in pairs:
        if name in lists:
            values[name].append(value)
        elif name in values:
            raise failed(422, "A parameter stands in the query twice")
        else:
            values[name] = value
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        raise failed(422, str(error)) from error


def _problem(failure: Failed) -> Answer:
    refusal: Refusal = failure.refusal
    problem = Problem(
        title=HTTPStatus(failure.status).phrase,
        status=failure.status,
        detail=refusal.error[:_MAX_DETAIL_CHARS],
        code=refusal.code,
        retryable=refusal.retryable,
        retry_after=refusal.retry_after,
        target_client_id=refusal.target_client_id,
        id=refusal.id,
    )
    headers = dict(failure.headers)
    wait = _UNAVAILABLE_SECONDS if failure.status == 503 else refusal.retry_after
    if wait is not UNSET:
        headers["retry-after"] = str(math.ceil(wait))
    return Answer(failure.status, _encode(problem), PROBLEM, headers)
