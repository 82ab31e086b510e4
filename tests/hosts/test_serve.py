"""A server of its own, without an application: tokens say who clients are, REST steers."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx
import jwt
import pytest

from tests.hosts.contract import Contract, Host
from tests.hosts.contract import come as come
from tests.hosts.process import HostProcess
from tests.support.tokens import SECRET

KEY = "a-key-of-which-there-are-enough-letters"


class Served(Host):
    def credentials(self, user: str | None) -> tuple[dict[str, str], dict[str, Any]]:
        if user is None:
            return {}, {}
        # Nobody's is signed by somebody else
        secret = SECRET[::-1] if user == "nobody" else SECRET
        return {}, {"token": jwt.encode({"sub": user, "exp": time.time() + 3_600}, secret)}

    def introduce(self, a: str, b: str) -> Any:
        headers = {"Authorization": f"Bearer {KEY}"}
        with httpx.Client(base_url=f"{self.url}/api/v1", headers=headers) as api:
            linked = api.post("/links", json={"client": a, "peer": b})
            if linked.is_error:
                return {"refused": linked.json()["code"]}
            message = {"from": a, "to": b, "content": "hello from a view"}
            sent = api.post("/messages", json=message).json()
            online = api.get("/online", params={"client": b}).json()["online"]
            return {"online": online[b], "seq": sent["seq"]}


class TestServe(Contract):
    @pytest.fixture(scope="class")
    @classmethod
    def host(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
        process = HostProcess(
            tmp_path_factory.mktemp("serve"),
            *(sys.executable, "-m", "duologue", "serve", "--port", "{port}", "--anonymous"),
            env={"DUOLOGUE_AUTH_SECRET": SECRET, "DUOLOGUE_API_KEY": KEY},
        )
        host = Served(process)
        yield host
        host.stop()
