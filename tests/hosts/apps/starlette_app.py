"""A Starlette application with Duologue at its root."""

from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

import duologue as d


async def identify(handshake: HTTPConnection, auth: object) -> d.Who:
    user = handshake.headers.get("x-user", d.ANYONE)
    return None if user == "nobody" else user


async def authorize(asker: str, target: str) -> bool:
    return target != "private"


duologue = d.Duologue(identify=identify, authorize_request=authorize)


async def introduce(request: Request) -> JSONResponse:
    a, b = request.path_params["a"], request.path_params["b"]
    try:
        await duologue.link(a, b)
        answer = await duologue.send(a, b, "hello from a view")
        return JSONResponse({"online": await duologue.online(b), "seq": answer.seq})
    except d.Refused as refused:
        return JSONResponse({"refused": refused.code})


app = Starlette(
    routes=[Route("/introduce/{a}/{b}", introduce), Mount("/", duologue.asgi)],
    lifespan=duologue.lifespan,
)
