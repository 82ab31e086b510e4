"""The tutorial's server, Flask-SocketIO on eventlet:  python tutorial.py PORT

Its behaviour is unchanged: the handlers are the listing's, the page and the debug mode left out.
"""

import sys
import uuid
from typing import Any

from flask import Flask, request
from flask_socketio import SocketIO, emit

app = Flask(__name__)
app.config["SECRET_KEY"] = "secret!"
socketio = SocketIO(app, async_mode="eventlet", cors_allowed_origins="*")

clients: dict[str, str] = {}


def request_sid() -> str:
    sid: str = request.sid  # type: ignore[attr-defined]
    return sid


@socketio.on("connect")
def handle_connect() -> None:
    client_id = str(uuid.uuid4())
    clients[client_id] = request_sid()
    emit("client_id", {"clientId": client_id})


@socketio.on("disconnect")
def handle_disconnect() -> None:
    client_id = None
    for cid, sid in clients.items():
        if sid == request_sid():
            client_id = cid
            break
    if client_id:
        del clients[client_id]


@socketio.on("message")
def handle_message(data: dict[str, Any]) -> None:
    target_client_id = data.get("targetClientId")
    message_content = data.get("message")
    if target_client_id in clients:
        target_sid = clients[target_client_id]
        emit("message", {"from": data.get("from"), "content": message_content}, room=target_sid)
    else:
        emit("message", {"error": "Target client ID not found"}, room=request_sid())


if __name__ == "__main__":
    socketio.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_output=False)
