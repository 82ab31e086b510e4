from __future__ import annotations

from typing import Any

import pytest

from tests.node.fakes import VirtualLoop


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": VirtualLoop}
