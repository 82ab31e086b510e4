"""The OpenAPI document is what the server does."""

from __future__ import annotations

import uuid
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, assume, given, settings
from schemathesis import GenerationMode

from duologue.rest.openapi import document
from duologue.rest.operations import OPERATIONS
from tests.support.process import ServerProcess

from .conftest import API, KEY

EXAMPLES = 15


def test_every_route_is_in_the_document() -> None:
    found = {
        (method.upper(), path) for path, item in document()["paths"].items() for method in item
    }
    routes = {(operation.method, operation.path) for operation in OPERATIONS}
    assert found == routes | {("GET", "/openapi.json")}


def test_the_server_has_the_document(api: httpx.Client) -> None:
    answer = api.get("/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == document()


def test_every_reference_in_the_document_leads_somewhere() -> None:
    made = document()

    def references(value: Any) -> list[str]:
        if isinstance(value, dict):
            own = [value["$ref"]] if "$ref" in value else []
            return own + [each for item in value.values() for each in references(item)]
        if isinstance(value, list):
            return [each for item in value for each in references(item)]
        return []

    names = {reference.rpartition("/")[2] for reference in references(made)}
    assert names <= set(made["components"]["schemas"])


DESCRIBED = schemathesis.openapi.from_dict(document())
# Its generator puts NUL where the pattern has none
DESCRIBED.config.generation.update(allow_x00=False)
FOUND: list[Any] = [result.ok() for result in DESCRIBED.get_all_operations()]  # type: ignore[union-attr]


def fits_beyond_its_schema(case: Any) -> None:
    """What a schema cannot say: who is not itself, what has placeholders, and which key is new."""
    if isinstance(case.body, dict):
        assume(case.body.get("client") is None or case.body["client"] != case.body.get("peer"))
        assume(not case.body.get("attachments"))
    if "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = str(uuid.uuid4())


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: str(mode.value))
@pytest.mark.parametrize("operation", FOUND, ids=lambda operation: str(operation.label))
def test_the_server_does_what_the_document_says(
    server: ServerProcess, operation: Any, mode: GenerationMode
) -> None:
    headers = {"Authorization": f"Bearer {KEY}"}

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def asks(case: Any) -> None:
        if mode is GenerationMode.POSITIVE:
            fits_beyond_its_schema(case)
        else:
            # In a query, a text and a list of one are the same
            assume(not (case.path == "/online" and isinstance(case.query.get("client"), str)))
        case.call_and_validate(base_url=server.url + API, headers=headers)

    asks()
