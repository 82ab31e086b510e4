"""An application of somebody else's with Duologue below `/talk`."""

import os

from fastapi import FastAPI
from starlette.requests import HTTPConnection

from duologue import ANYONE, Duologue, Who


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
