"""The engine: Engine.IO 4 and Socket.IO 5 over WebSocket and long-polling, on uvicorn or any ASGI
server. It knows nothing of Duologue; it serves an `duologue.server.app.Application`.
"""
