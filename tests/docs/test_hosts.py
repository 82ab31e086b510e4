"""The applications in the documents about hosts run as they are printed."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.hosts.contract import Host, Person, fresh, link
from tests.hosts.process import HostProcess

ROOT = Path(__file__).parents[2]
SECRET = {"SECRET_KEY": "only for a test, 0123456789abcdef", "PYTHONPATH": str(ROOT / "src")}

#: A document, the command that it says, and the same with a port of the test's choice.
PRINTED = {
    "README.md": ("uvicorn app:app", "-m uvicorn app:app --port {port}"),
    "docs/flask.md": ("flask --app app duologue run", "-m flask --app app duologue run -p {port}"),
    "docs/asgi.md": ("uvicorn app:app", "-m uvicorn app:app --port {port}"),
    "docs/flask-socketio.md": ("python app.py", "app.py"),
}


def program(document: str) -> str:
    text = (ROOT / document).read_text()
    (found,) = re.findall(r"```python\n# app\.py.*?\n(.*?)```", text, re.DOTALL)
    return str(found)


def serve(folder: Path, source: str, command: str) -> HostProcess:
    (folder / "app.py").write_text(source)
    return HostProcess(folder, sys.executable, *command.split(), env=SECRET)


@pytest.fixture(scope="module", params=sorted(PRINTED))
def host(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Host]]:
    document = request.param
    said, command = PRINTED[document]
    assert said in (ROOT / document).read_text()
    process = serve(tmp_path_factory.mktemp("printed"), program(document), command)
    yield document, Host(process)
    process.stop()


def test_clients_of_a_printed_application_talk(host: tuple[str, Host]) -> None:
    ann, ben = Person(host[1]), Person(host[1], transports="polling")
    try:
        link(ann, ben)
        ann.call("message", targetClientId=ben.id, message="hi")
        assert ben.hears("message")["content"] == "hi"
    finally:
        ann.leave()
        ben.leave()


def test_the_page_of_a_printed_application_is_there(host: tuple[str, Host]) -> None:
    assert host[1].process.get("/simple")[0] == 200


@pytest.mark.parametrize("host", ["docs/flask.md"], indirect=True)
def test_the_views_of_a_printed_application_say_what_is_refused(host: tuple[str, Host]) -> None:
    assert host[1].process.get("/introduce/no-such/client")[0] == 409


@pytest.mark.parametrize("host", ["docs/asgi.md", "docs/flask.md"], indirect=True)
def test_the_views_of_a_printed_application_introduce(host: tuple[str, Host]) -> None:
    document, there = host
    ann, ben = Person(there), Person(there)
    connection = HTTPConnection("127.0.0.1", there.process.port)
    try:
        connection.request(
            "GET" if document == "docs/flask.md" else "POST", f"/introduce/{ann.id}/{ben.id}"
        )
        assert connection.getresponse().read().strip() in (b'{"seq":1}', b'{"seq": 1}')
    finally:
        connection.close()
        ann.leave()
        ben.leave()


def test_the_printed_flask_application_knows_who_is_logged_in(tmp_path: Path) -> None:
    process = serve(tmp_path, program("docs/flask.md"), PRINTED["docs/flask.md"][1])
    try:
        user = fresh("ann")
        _, _, cookie = process.get(f"/login/{user}")
        client = Person(Host(process), headers={"Cookie": cookie.split(";")[0]})
        client.leave()
        assert client.id == user
    finally:
        process.stop()


def test_the_tutorials_application_has_conversations_and_the_page(tmp_path: Path) -> None:
    source = (ROOT / "examples" / "flask_socketio" / "app.py").read_text()
    process = serve(tmp_path, source, "app.py")
    try:
        ann, ben = Person(Host(process)), Person(Host(process))
        link(ann, ben)
        ann.leave()
        ben.leave()
        assert process.get("/simple")[0] == 200
    finally:
        process.stop()


def test_django_lets_those_in_who_are_logged_in(tmp_path: Path) -> None:
    source = (ROOT / "examples" / "django" / "app.py").read_text()
    (tmp_path / "app.py").write_text(source)
    (tmp_path / "login.py").write_text(LOGIN)
    made = HostProcess.run(tmp_path, sys.executable, "login.py", env=SECRET)
    session, user = made.split()[-2:]
    process = serve(tmp_path, source, "-m uvicorn app:application --port {port}")
    try:
        client = Person(Host(process), headers={"Cookie": f"sessionid={session}"})
        client.leave()
        assert (client.id, process.get("/admin/login/")[0]) == (user, 200)
    finally:
        process.stop()


#: What a browser does that logs in.
LOGIN = """
import app
from django.contrib.auth import login
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.core.management import call_command
from django.http import HttpRequest

call_command("migrate", verbosity=0)
user = User.objects.create_user("ann", password="pw")
request = HttpRequest()
request.session = SessionStore()
login(request, user)
request.session.save()
print(request.session.session_key, user.pk)
"""
