"""A FastAPI application behind a prefix, with Duologue below a path, and commands in threads."""

from fastapi import FastAPI

import duologue as d
from tests.hosts.apps.starlette_app import authorize, identify

duologue = d.Duologue(identify=identify, authorize_request=authorize)
app = FastAPI(root_path="/behind", lifespan=duologue.lifespan)


@app.get("/")
def index() -> str:
    return "mine"


@app.get("/introduce/{a}/{b}")
def introduce(a: str, b: str) -> dict[str, object]:
    there = duologue.in_threads
    try:
        there.link(a, b)
        answer = there.send(a, b, "hello from a view")
        return {"online": there.online(b), "seq": answer.seq}
    except d.Refused as refused:
        return {"refused": refused.code}


app.mount("/talk", duologue.asgi)
