"""An application of somebody else's: Duologue at `/talk`, and at `/help` for who is logged in."""

import os

from fastapi import FastAPI
from starlette.requests import HTTPConnection

from duologue import ANYONE, Duologue, Who


async def known(handshake: HTTPConnection, auth: object) -> Who:
    return handshake.cookies.get("user")


async def identify(handshake: HTTPConnection, auth: object) -> Who:
    return handshake.cookies.get("user", ANYONE)


duologue = Duologue(
    identify=identify, store="memory:", cors_allowed_origins=(os.environ["ORIGIN"],)
)
app = FastAPI(lifespan=duologue.lifespan, root_path=os.environ.get("ROOT_PATH", ""))


@app.get("/")
def index() -> str:
    return "mine"


app.mount("/talk", duologue.asgi)
app.mount("/help", Duologue(identify=known, store="memory:").asgi)
