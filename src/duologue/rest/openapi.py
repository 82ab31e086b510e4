"""The OpenAPI document, made from the table of operations and the structs that it names."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

import msgspec

from .bodies import Problem
from .operations import OPERATIONS, Operation

PATH: Final = "/openapi.json"
PREFIX: Final = "/api/v1"

#: What `Idempotency-Key` may be.
KEY_PATTERN: Final = "[!-~]{1,255}"

_REFERENCE: Final = "#/components/schemas/{name}"

#: Errors of every operation, and of those that have a body.
_ALWAYS: Final = (400, 401, 422, 429, 500, 503)
_WITH_BODY: Final = (413, 415)

_DESCRIPTION: Final = """\
What a backend may do in its own right: look up clients, link two of them, write in a client's name.
Errors are RFC 9457 problem details with a stable `code`."""

_KEY_PARAMETER: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Makes it safe to try again: the same key is answered as the first time",
    "schema": {"type": "string", "pattern": f"^{KEY_PATTERN}$"},
}


def document() -> dict[str, Any]:
    """OpenAPI 3.1."""
    structs: list[Any] = [Problem]
    for operation in OPERATIONS:
        structs += (each for each in operation.answers.values() if each is not None)
        if operation.has_body:
            structs.append(operation.asks)
    _, components = msgspec.json.schema_components(structs, ref_template=_REFERENCE)
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    paths[PATH] = {"get": _own_operation()}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Duologue", "version": "1", "description": _DESCRIPTION},
        "servers": [{"url": PREFIX}],
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(operation: Operation) -> dict[str, Any]:
    statuses = {*_ALWAYS, *operation.refusals}
    found: dict[str, Any] = {"operationId": operation.name, "summary": operation.summary}
    if operation.has_body:
        statuses.update(_WITH_BODY)
        found["parameters"] = [_KEY_PARAMETER]
        found["requestBody"] = {"required": True, "content": _json(operation.asks)}
    else:
        found["parameters"] = _query(operation.asks)
    responses: dict[str, Any] = {}
    for status, struct in sorted(operation.answers.items()):
        response: dict[str, Any] = {"description": HTTPStatus(status).phrase}
        if struct is not None:
            response["content"] = _json(struct)
        responses[str(status)] = response
    responses.update((str(status), _problem(status)) for status in sorted(statuses))
    return {**found, "responses": responses}


def _own_operation() -> dict[str, Any]:
    return {
        "operationId": "getDocument",
        "summary": "This document",
        "responses": {
            "200": {"description": "OK", "content": {"application/json": {"schema": {}}}},
            "401": _problem(401),
            "429": _problem(429),
            "500": _problem(500),
        },
    }


def _json(struct: type[msgspec.Struct]) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": _REFERENCE.format(name=struct.__name__)}}}


def _problem(status: int) -> dict[str, Any]:
    reference = {"$ref": _REFERENCE.format(name=Problem.__name__)}
    return {
        "description": HTTPStatus(status).phrase,
        "content": {"application/problem+json": {"schema": reference}},
    }


def _query(struct: type[msgspec.Struct]) -> list[dict[str, Any]]:
    schema = msgspec.json.schema_components((struct,))[1][struct.__name__]
    required = schema.get("required", ())
    return [
        {"name": name, "in": "query", "required": name in required, "schema": each}
        for name, each in schema["properties"].items()
    ]
