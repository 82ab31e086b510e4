"""An application of somebody else's with Duologue below `/talk`."""

import os

from fastapi import FastAPI

from duologue import Duologue

duologue = Duologue(store="memory:", cors_allowed_origins=(os.environ["ORIGIN"],))
app = FastAPI(lifespan=duologue.lifespan, root_path=os.environ.get("ROOT_PATH", ""))


@app.get("/")
def index() -> str:
    return "mine"


app.mount("/talk", duologue.asgi)
