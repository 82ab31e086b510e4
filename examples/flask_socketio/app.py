"""The tutorial's application, with the conversations that it describes.

Clients get an ID, ask, agree, and talk; the page at /simple does all of it.

    pip install "duologue[flask]" flask-socketio eventlet
    python app.py

and open http://127.0.0.1:5000/ in two windows.
"""

import os
import secrets

from flask import Flask, redirect
from flask_socketio import SocketIO

from duologue.hosts.flask import Duologue

app = Flask(__name__)
app.config["SECRET_KEY"] = os.environ.get("SECRET_KEY") or secrets.token_hex()

socketio = SocketIO(app, async_mode="eventlet")
duologue = Duologue(app, socketio=socketio)


@app.route("/")
def index():
    return redirect("/simple")


if __name__ == "__main__":
    socketio.run(app, port=int(os.environ.get("PORT", "5000")))
