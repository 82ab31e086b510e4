"""python-socketio on uvicorn with uvloop:  python pysocketio.py PORT"""

import sys
import uuid
from typing import Any

import socketio
import uvicorn

server = socketio.AsyncServer(
    async_mode="asgi", http_compression=False, logger=False, engineio_logger=False
)
sids: dict[str, str] = {}
ids: dict[str, str] = {}


@server.event
async def connect(sid: str, environ: dict[str, Any], auth: Any = None) -> None:
    ids[sid] = client_id = str(uuid.uuid4())
    sids[client_id] = sid
    await server.emit("client_id", {"clientId": client_id}, to=sid)


@server.event
async def message(sid: str, data: dict[str, Any]) -> dict[str, bool]:
    target = sids.get(data["targetClientId"])
    if target is not None:
        payload = {"from": ids[sid], "content": data["message"]}
        await server.emit("message", payload, to=target)
    else:
        await server.emit("message", {"error": "Target client ID not found"}, to=sid)
    return {"ok": True}


@server.event
async def disconnect(sid: str, reason: str) -> None:
    del sids[ids.pop(sid)]


uvicorn.run(
    socketio.ASGIApp(server),
    port=int(sys.argv[1]),
    loop="uvloop",
    http="httptools",
    ws="websockets-sansio",
    ws_per_message_deflate=False,
    log_level="error",
    access_log=False,
)
