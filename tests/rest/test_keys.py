"""Who may use the REST API, and what is said of keys."""

from __future__ import annotations

import contextlib
import http.client
from pathlib import Path

import httpx
import pytest

from duologue.rest.bodies import Failed
from duologue.rest.keys import Keys
from duologue.settings import Settings, SettingsError, api_keys
from tests.support.process import Serve, ServerProcess

from .conftest import API, KEY

OTHER = "another-key-for-the-time-of-a-change-of-keys"


def status(url: str, *authorization: str) -> int:
    headers = [("authorization", each) for each in authorization]
    return httpx.get(f"{url}{API}/online?client=a", headers=headers).status_code


def test_without_a_key_there_is_no_api(serve: Serve) -> None:
    url = serve().url
    answer = httpx.get(f"{url}{API}/online?client=a", headers={"authorization": f"Bearer {KEY}"})
    assert answer.status_code == 404
    assert httpx.get(f"{url}{API}/openapi.json").status_code == 404


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_right_key_is_let_in(server: ServerProcess, scheme: str) -> None:
    assert status(server.url, f"{scheme} {KEY}") == 200


@pytest.mark.parametrize(
    "authorization",
    [
        (),
        ("",),
        ("Bearer",),
        (f"Bearer {KEY[:-1]}",),
        (f"Bearer {KEY}x",),
        (f"Basic {KEY}",),
        (KEY,),
        (f"Bearer {KEY}", f"Bearer {KEY}"),
        (f"Bearer {OTHER}", f"Bearer {KEY}"),
    ],
)
def test_without_a_right_key_nobody_is_let_in(
    server: ServerProcess, authorization: tuple[str, ...]
) -> None:
    assert status(server.url, *authorization) == 401


@pytest.mark.parametrize(
    "path", ["/api%2fv1", "/api/%761", "/%61pi/v1", "//api/v1", "/x/../api/v1"]
)
def test_the_api_has_one_address_that_a_proxy_can_close(server: ServerProcess, path: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", httpx.URL(server.url).port, timeout=20)
    headers = {"Authorization": f"Bearer {KEY}"}
    with contextlib.closing(connection):
        connection.request("GET", f"{path}/online?client=a", headers=headers)
        assert connection.getresponse().status == 404


@pytest.mark.parametrize("path", ["/online?client=a", "/openapi.json", "/nothing", ""])
def test_a_wrong_key_is_told_nothing_of_what_there_is(server: ServerProcess, path: str) -> None:
    answer = httpx.get(server.url + API + path, headers={"authorization": f"Bearer {OTHER}"})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="duologue", error="invalid_token"'
    assert answer.json()["code"] == "unauthorized"


def test_no_key_is_ever_logged(serve: Serve) -> None:
    server = serve("--log-level", "debug", env={"DUOLOGUE_API_KEY": KEY})
    assert status(server.url, f"Bearer {KEY}") == 200
    assert status(server.url, f"Bearer {OTHER}") == 401
    server.stop()
    assert "refused a wrong API key from 127.0.0.1" in server.log
    assert KEY not in server.log
    assert OTHER not in server.log


def test_one_with_too_many_wrong_keys_is_told_when_to_try_again() -> None:
    keys = Keys([KEY], wrong_per_hour=1)
    with pytest.raises(Failed):
        keys.check([f"Bearer {OTHER}"], "192.0.2.1", 0.0)
    with pytest.raises(Failed) as failure:
        keys.check([f"Bearer {OTHER}"], "192.0.2.1", 1.0)
    assert failure.value.refusal.retry_after == pytest.approx(3_599.0)


def test_a_request_without_a_key_is_no_wrong_key() -> None:
    keys = Keys([KEY], wrong_per_hour=1)
    for _ in range(3):
        with pytest.raises(Failed) as failure:
            keys.check([], "192.0.2.1", 0.0)
        assert failure.value.status == 401


def test_each_of_several_keys_is_right(serve: Serve, tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"\n  {KEY}  \n\n")
    server = serve("--api-key-file", str(file), env={"DUOLOGUE_API_KEY": f"{OTHER}, {OTHER}2"})
    given = [f"Bearer {key}" for key in (KEY, OTHER, f"{OTHER}2", f"{OTHER}3")]
    assert [status(server.url, each) for each in given] == [200, 200, 200, 401]


def test_wrong_keys_are_answered_a_number_of_times_only_and_right_ones_always() -> None:
    keys = Keys([KEY], wrong_per_hour=2)
    answers = []
    for _ in range(3):
        with pytest.raises(Failed) as failure:
            keys.check([f"Bearer {OTHER}"], "192.0.2.1", 0.0)
        answers.append(failure.value.status)
    assert answers == [401, 401, 429]
    keys.check([f"Bearer {KEY}"], "192.0.2.1", 0.0)
    with pytest.raises(Failed) as failure:
        keys.check([f"Bearer {OTHER}"], "192.0.2.2", 0.0)
    assert failure.value.status == 401


# Settings


def test_a_key_may_have_32_characters() -> None:
    assert api_keys(Settings(api_key="k" * 32)) == ("k" * 32,)


@pytest.mark.parametrize(
    "key", ["k" * 31, "k" * 16 + " " + "k" * 16, f"{KEY},", f"{KEY},short", "ä" * 32]
)
def test_what_is_no_key_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(SettingsError, match="api_key") as error:
        Settings(api_key=key)
    assert key not in str(error.value)


def test_settings_do_not_show_their_keys() -> None:
    assert KEY not in repr(Settings(api_key=KEY))


@pytest.mark.parametrize("text", [None, "", "\n", "short\n", f"{KEY}\nshort"])
def test_a_file_without_keys_is_refused(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "keys"
    if text is not None:
        file.write_text(text)
    with pytest.raises(SettingsError, match="api_key_file"):
        api_keys(Settings(api_key_file=str(file)))
