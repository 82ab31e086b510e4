"""Beside a Flask application, on one port."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import socketio
from flask import Flask, abort, redirect, request
from flask_socketio import SocketIO
from werkzeug.exceptions import HTTPException
from werkzeug.test import create_environ

from duologue import Named, Refused, Unidentified, Who
from duologue.hosts.flask import Duologue, State
from tests.hosts.contract import ApplicationContract, Come, Host, fresh
from tests.hosts.contract import come as come
from tests.hosts.process import HostProcess
from tests.support.clients import SECONDS, _Heard


class TestFlask(ApplicationContract):
    @pytest.fixture(scope="class")
    @classmethod
    def host(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
        process = HostProcess(
            tmp_path_factory.mktemp("flask"),
            *(sys.executable, "-m", "flask", "--app", "tests.hosts.apps.flask_app"),
            *("duologue", "run", "--port", "{port}"),
            env={"PYTHONPATH": f"{Path.cwd()}:{Path.cwd() / 'src'}"},
        )
        host = Host(process)
        yield host
        host.stop()

    def test_the_rest_of_the_application_is_there(self, host: Host) -> None:
        assert host.process.get("/no-such-page")[0] == 404

    def test_what_a_view_keeps_in_g_ends_with_its_request(self, host: Host) -> None:
        host.view("/visits")
        assert host.view("/visits") == {"visits": 1}

    def test_a_header_with_an_underscore_does_not_pass_for_one_of_a_proxy(
        self, host: Host, come: Come
    ) -> None:
        user = fresh("ann")
        assert come(headers={"X_User": user}).id != user

    def test_nor_does_it_in_a_view(self, host: Host) -> None:
        _, body, _ = host.process.get("/user", X_User="ann")
        assert body == b"nobody"

    def test_a_job_in_a_thread_of_its_own_links_and_sends(self, host: Host, come: Come) -> None:
        ann, ben = come(fresh("ann")), come(fresh("ben"))
        host.view(f"/later/{ann.id}/{ben.id}")
        assert ben.hears("message")["content"] == "hello from a job"

    def test_the_session_of_the_browser_says_who_a_client_is(self, host: Host) -> None:
        user = fresh("ann")
        _, _, cookie = host.process.get(f"/login/{user}")
        client = socketio.Client(reconnection=False)
        heard = _Heard()
        client.on("client_id", lambda data: heard.put([data]))
        client.connect(host.url, headers={"Cookie": cookie.split(";")[0]}, wait_timeout=SECONDS)
        try:
            assert heard.next(lambda entry: True)[0]["clientId"] == user
        finally:
            client.disconnect()
            client.shutdown()


def _identify(answer: Callable[[], Any]) -> Named:
    """What Duologue makes of what an application's own `identify` does, for a handshake."""
    app = Flask("app")
    Duologue(app).identify(lambda auth: answer())
    state: State = app.extensions["duologue"]
    return state.identify(create_environ("/socket.io/"), {"name": "Ann"})


def test_identify_may_be_a_coroutine_function() -> None:
    app = Flask("app")

    async def identify(auth: Mapping[str, Any]) -> Who:
        return request.headers["x-user"]

    Duologue(app).identify(identify)
    state: State = app.extensions["duologue"]
    environ = create_environ("/socket.io/", headers={"x-user": "ann"})
    assert state.identify(environ, {}).client_id == "ann"


def test_authorize_request_may_be_a_coroutine_function() -> None:
    app = Flask("app")

    async def authorize(asker: str, target: str) -> bool:
        return target != "private"

    Duologue(app).authorize_request(authorize)
    state: State = app.extensions["duologue"]
    answers = [state.authorize("ann", target) for target in ("ben", "private")]
    assert answers == [True, False]


@pytest.mark.parametrize(
    "answer", [lambda: abort(401), lambda: abort(redirect("/login")), lambda: redirect("/login")]
)
def test_what_keeps_strangers_out_of_views_turns_clients_away(answer: Callable[[], Any]) -> None:
    with pytest.raises(Unidentified) as refused:
        _identify(answer)
    assert refused.value.code == "unauthorized"


def test_an_application_that_fails_turns_nobody_away_for_good() -> None:
    with pytest.raises(HTTPException):
        _identify(lambda: abort(503))


def test_an_application_may_give_a_name() -> None:
    assert _identify(lambda: ("ann", "Ann B.")) == Named("ann", "Ann B.", kept=True)


@pytest.mark.parametrize("who", [7, ("ann",), ("ann", 7), b"ann", True])
def test_what_says_not_who_a_client_is_is_a_fault(who: object) -> None:
    with pytest.raises(TypeError, match="who a client is says"):
        _identify(lambda: who)


def test_an_extension_serves_several_applications() -> None:
    duologue, first, second = Duologue(), Flask("first"), Flask("second")
    for app in (first, second):
        duologue.init_app(app)
    assert first.extensions["duologue"] is not second.extensions["duologue"]


def test_with_several_applications_a_command_needs_the_context_of_one() -> None:
    duologue = Duologue()
    for name in ("first", "second"):
        duologue.init_app(Flask(name))
    with pytest.raises(RuntimeError, match="needs the context of one"):
        duologue.online("ann")


def test_an_application_has_one_duologue() -> None:
    app = Flask("app")
    Duologue(app)
    with pytest.raises(RuntimeError, match="has a Duologue already"):
        Duologue(app)


def test_a_command_is_refused_while_it_does_not_run() -> None:
    with pytest.raises(Refused) as refused:
        Duologue(Flask("app")).online("ann")
    assert refused.value.code == "unavailable"


def test_settings_come_from_the_configuration() -> None:
    app = Flask("app")
    Duologue(app)
    app.config["DUOLOGUE_STORE"] = "memory:"
    app.config["DUOLOGUE_CORS_ALLOWED_ORIGINS"] = ["https://example.org"]
    settings = app.extensions["duologue"].settings()
    assert (settings.store, settings.cors_allowed_origins) == ("memory:", ("https://example.org",))


def test_a_setting_that_is_none_keeps_it_from_running() -> None:
    app = Flask("app")
    Duologue(app)
    app.config["DUOLOGUE_STOER"] = "memory:"
    result = app.test_cli_runner().invoke(args=["duologue", "run"])
    assert (result.exit_code, "unknown setting: stoer" in result.output) == (1, True)


def test_an_application_with_a_flask_socketio_server_is_run_by_that() -> None:
    app = Flask("app")
    SocketIO(app, async_mode="threading")
    with pytest.raises(RuntimeError, match=r"socketio\.run\(app\)"):
        Duologue(app).run()


def test_it_runs_in_the_main_thread_only() -> None:
    duologue = Duologue(Flask("app"))
    with ThreadPoolExecutor() as threads, pytest.raises(RuntimeError, match="the main thread"):
        threads.submit(duologue.run).result()


def test_a_script_that_cannot_serve_ends_with_a_sentence() -> None:
    app = Flask("app")
    app.config["DUOLOGUE_STORE"] = "sqlite:////no/such/folder/duologue.db"
    with pytest.raises(SystemExit, match="Error: Cannot use /no/such/folder"):
        Duologue(app).run()
