"""A Flask application beside Duologue."""

import secrets
import threading
from collections.abc import Mapping
from typing import Any

from flask import Flask, g, request, session

import duologue as d
from duologue.hosts.flask import Duologue

app = Flask(__name__)
app.config["SECRET_KEY"] = secrets.token_hex()
duologue = Duologue(app)


@duologue.identify
def identify(auth: Mapping[str, Any]) -> d.Who:
    user = session.get("user") or request.headers.get("x-user", d.ANYONE)
    return None if user == "nobody" else user


@duologue.authorize_request
def authorize(asker: str, target: str) -> bool:
    return target != "private"


@app.route("/introduce/<a>/<b>")
def introduce(a: str, b: str) -> dict[str, object]:
    try:
        duologue.link(a, b)
        answer = duologue.send(a, b, "hello from a view")
        return {"online": duologue.online(b), "seq": answer.seq}
    except d.Refused as refused:
        return {"refused": refused.code}


@app.route("/login/<user>")
def login(user: str) -> str:
    session["user"] = user
    return "welcome"


@app.route("/user")
def user() -> str:
    return request.headers.get("x-user", "nobody")


@app.route("/later/<a>/<b>")
def later(a: str, b: str) -> dict[str, object]:
    def job() -> None:
        duologue.link(a, b)
        duologue.send(a, b, "hello from a job")

    threading.Thread(target=job).start()
    return {}


@app.route("/visits")
def visits() -> dict[str, int]:
    """How often this was asked for, by a number that is one request's own."""
    g.visits = g.get("visits", 0) + 1
    return {"visits": g.visits}
