from __future__ import annotations

from tests.node.conftest import anyio_backend, kind, stage, stages

__all__ = ["anyio_backend", "kind", "stage", "stages"]
