"""An application on Flask-SocketIO with conversations, in the mode that $MODE says."""

import os

MODE = os.environ["MODE"]
if MODE == "gevent":
    from gevent import monkey

    monkey.patch_all()
elif MODE == "eventlet":
    import eventlet

    eventlet.monkey_patch()

# What is patched has to be before anything else is imported
import secrets
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from flask import Flask, request, session
from flask_socketio import SocketIO

import duologue as d
from duologue.hosts.flask import Duologue

app = Flask(__name__)
app.config["SECRET_KEY"] = secrets.token_hex()
app.config.from_prefixed_env()
socketio = SocketIO(app, async_mode=MODE.removesuffix("-unpatched"))
duologue = Duologue(app, socketio=socketio)


@duologue.identify
def identify(auth: Mapping[str, Any]) -> d.Who:
    user = session.get("user") or request.headers.get("x-user", d.ANYONE)
    if user == "endless":
        return d.Named(user, None, expires_at=10**400)
    return None if user == "nobody" else user


@duologue.authorize_request
def authorize(asker: str, target: str) -> bool:
    return target != "private"


@app.route("/login/<user>")
def login(user: str) -> str:
    session["user"] = user
    return "welcome"


@app.route("/introduce/<a>/<b>")
def introduce(a: str, b: str) -> dict[str, object]:
    try:
        duologue.link(a, b)
        answer = duologue.send(a, b, "hello from a view")
        return {"online": duologue.online(b), "seq": answer.seq}
    except d.Refused as refused:
        return {"refused": refused.code}


@app.route("/disconnect/<client>")
def disconnect(client: str) -> dict[str, object]:
    return {"sessions": duologue.disconnect(client)}


@app.route("/online/<client>")
def online(client: str) -> dict[str, object]:
    return {"online": duologue.online(client)}


@app.route("/send-nonsense")
def send_nonsense() -> dict[str, object]:
    try:
        duologue.send("ann", "ben", object())
    except d.Refused as refused:
        return {"refused": refused.code}
    return {}


@app.route("/elsewhere/<client>")
def elsewhere(client: str) -> dict[str, object]:
    """Ask in a thread beside the one of this view."""
    with ThreadPoolExecutor() as threads:
        try:
            return {"online": threads.submit(duologue.online, client).result()}
        except RuntimeError as error:
            return {"error": str(error)}


@socketio.on("connect")  # type: ignore[untyped-decorator]
def connected() -> bool:
    socketio.emit("welcome", {"to": "all that is ours"}, to=request.sid)  # type: ignore[attr-defined]
    if "x-unwelcome" in request.headers:
        socketio.sleep(0.5)  # as one that looks something up
        return False
    return True


@socketio.on("ours")  # type: ignore[untyped-decorator]
def ours(data: Any) -> Any:
    return {"heard": data}


@socketio.on("typing")  # type: ignore[untyped-decorator]
def typing(data: Any) -> None:
    raise AssertionError("this event is Duologue's")


if __name__ == "__main__":
    options = {"allow_unsafe_werkzeug": True} if MODE == "threading" else {}
    socketio.run(app, port=int(os.environ["PORT"]), **options)
