from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest

from duologue.auth_options import Options
from duologue.settings import Settings, SettingsError, auth_options, markdown, settings_from

SECRET = "a secret that is long enough to be one"


def test_without_settings_the_defaults_hold() -> None:
    assert settings_from({}) == Settings()


def test_a_name_that_is_no_setting_is_refused() -> None:
    with pytest.raises(SettingsError, match="unknown setting: colour"):
        settings_from({"colour": "red"})


def test_a_name_that_is_nearly_a_setting_is_set_right() -> None:
    with pytest.raises(SettingsError, match=r"unknown setting: stor \(did you mean store\?\)"):
        settings_from({"stor": "memory:"})


NUMBERS = [
    (field.name, field.metadata["least"])
    for field in dataclasses.fields(Settings)
    if field.metadata["least"] is not None
]


@pytest.mark.parametrize(("name", "least"), NUMBERS)
def test_the_least_that_a_number_may_be_is_taken(name: str, least: float) -> None:
    assert getattr(settings_from({name: least}), name) == least


@pytest.mark.parametrize(("name", "least"), NUMBERS)
def test_one_less_is_refused(name: str, least: float) -> None:
    with pytest.raises(SettingsError, match=name):
        settings_from({name: least - (1 if isinstance(least, int) else 0.01)})


BOUNDED = [
    (field.name, field.metadata["most"])
    for field in dataclasses.fields(Settings)
    if field.metadata["most"] < math.inf
]


@pytest.mark.parametrize(("name", "most"), BOUNDED)
def test_the_most_that_a_number_may_be_is_taken(name: str, most: int) -> None:
    assert getattr(settings_from({name: most}), name) == most


@pytest.mark.parametrize(("name", "most"), BOUNDED)
def test_one_more_is_refused(name: str, most: int) -> None:
    with pytest.raises(SettingsError, match=f"{name} must be a number .* at most {most}"):
        settings_from({name: most + 1})


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_time_is_a_number(value: float) -> None:
    with pytest.raises(SettingsError):
        Settings(ping_interval=value)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"cors_allowed_origins": ("*", "https://example.org")}, "either"),
        ({"cors_allowed_origins": ("example.org",)}, "not an origin"),
        ({"cors_allowed_origins": ("https://example.org/",)}, "not an origin"),
        ({"transports": ()}, "transports"),
        ({"transports": ("carrier-pigeon",)}, "transports"),
        ({"ssl_certfile": "cert.pem"}, "belong together"),
        ({"ssl_keyfile": "key.pem"}, "belong together"),
        ({"policy": "opne"}, "policy is one of required, open, not 'opne'"),
        ({"log_format": "xml"}, "log_format is one of text, json"),
        ({"max_sessions": "many"}, "max_sessions is a whole number, not of type str"),
        ({"max_sessions": 1.5}, "max_sessions is a whole number, not of type float"),
        ({"max_sessions": True}, "max_sessions is a whole number, not of type bool"),
        ({"max_sessions": None}, "max_sessions is a whole number, not of type NoneType"),
        ({"ping_interval": "often"}, "ping_interval is a number, not of type str"),
        ({"allow_upgrades": "no"}, "allow_upgrades is True or False, not of type str"),
        ({"anonymous": 1}, "anonymous is True or False, not of type int"),
        ({"store": None}, "store is text"),
        ({"transports": 7}, "transports is a list of texts, not of type int"),
        ({"url": "chat.example.org"}, "url: 'chat.example.org' is not an address like"),
        ({"url": "https://example.org/?a=b"}, "not an address like"),
        ({"sign_in_url": "login"}, "sign_in_url: 'login' is neither an address like"),
        ({"sign_in_url": "//evil.example/login"}, "nor a path like /login"),
        ({"sign_in_url": "/\\evil.example"}, "nor a path like /login"),
        ({"sign_in_url": "javascript:alert(1)//"}, "nor a path like /login"),
        ({"sign_in_url": "ftp://example.org/login"}, "nor a path like /login"),
        ({"sign_in_url": "https://"}, "nor a path like /login"),
        ({"sign_in_url": "https://example.org@evil.example/"}, "nor a path like /login"),
        ({"sign_in_url": "https://example.org:port/"}, "nor a path like /login"),
        ({"sign_in_url": "https://example.org/#login"}, "nor a path like /login"),
        ({"sign_in_url": "/log in"}, "nor a path like /login"),
        ({"sign_in_url": "/login\n"}, "nor a path like /login"),
        ({"sign_in_url": None}, "sign_in_url is text"),
        ({"forwarded_allow_ips": "10.0.0.1,proxy"}, "'proxy' is neither an IP address nor"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        settings_from(settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"url": "https://chat.example.org/talk"},
        {"url": "http://[::1]:8000/"},
        {"sign_in_url": ""},
        {"sign_in_url": "/"},
        {"sign_in_url": "/login?for=chat"},
        {"sign_in_url": "https://example.org"},
        {"sign_in_url": "http://[::1]:8000/login?for=chat&next=//a"},
        {"forwarded_allow_ips": "*"},
        {"forwarded_allow_ips": "10.0.0.0/8, ::1"},
        {"ping_interval": 5},
        {"metrics_port": None},
    ],
)
def test_settings_that_make_sense_are_taken(settings: dict[str, Any]) -> None:
    ((name, value),) = settings.items()
    assert getattr(settings_from(settings), name) == value


@pytest.mark.parametrize(
    "given",
    [
        "https://a.example, https://b.example",
        ["https://a.example", "https://b.example"],
        ("https://a.example", "https://b.example"),
    ],
)
def test_a_list_may_be_given_in_every_usual_way(given: object) -> None:
    made = settings_from({"cors_allowed_origins": given})
    assert made.cors_allowed_origins == ("https://a.example", "https://b.example")


def test_a_setting_of_the_wrong_type_is_not_repeated_for_it_may_be_a_secret() -> None:
    with pytest.raises(SettingsError) as caught:
        settings_from({"auth_secret": SECRET.encode()})
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "option", "value"),
    [
        ({"auth_secret": SECRET}, "secret", SECRET),
        ({"auth_secret_file": "a"}, "secret_file", "a"),
        ({"auth_public_key_file": "a"}, "public_key_file", "a"),
        ({"auth_jwks": ("a",)}, "jwks", ("a",)),
        ({"auth_secret": SECRET, "auth_algorithms": ("HS512",)}, "algorithms", ("HS512",)),
        ({"auth_secret": SECRET, "auth_issuer": ("a",)}, "issuer", ("a",)),
        ({"auth_secret": SECRET, "auth_audience": ("a", "b")}, "audience", ("a", "b")),
        ({"auth_secret": SECRET, "anonymous": True}, "anonymous", True),
        ({"auth_leeway_seconds": 12.0}, "leeway", 12.0),
        ({"auth_jwks_ttl_seconds": 12.0}, "jwks_ttl", 12.0),
        ({"auth_jwks_stale_seconds": 12.0}, "jwks_stale", 12.0),
        ({"auth_jwks_interval_seconds": 12.0}, "jwks_interval", 12.0),
        ({"auth_jwks_timeout_seconds": 12.0}, "jwks_timeout", 12.0),
    ],
)
def test_a_setting_for_tokens_arrives(settings: dict[str, Any], option: str, value: object) -> None:
    assert getattr(auth_options(Settings(**settings)), option) == value


def test_defaults_for_tokens_are_the_same_in_both_places() -> None:
    assert auth_options(Settings()) == Options()


def test_a_secret_is_not_shown() -> None:
    assert SECRET not in repr(Settings(auth_secret=SECRET))


def test_a_secret_is_no_flag() -> None:
    (row,) = (line for line in markdown().splitlines() if "`DUOLOGUE_AUTH_SECRET`" in line)
    assert row.startswith("|  | `DUOLOGUE_AUTH_SECRET`")


@pytest.mark.parametrize("field", dataclasses.fields(Settings), ids=lambda field: str(field.name))
def test_every_setting_is_documented(field: dataclasses.Field[Any]) -> None:
    assert field.metadata["help"]
    assert f"`DUOLOGUE_{field.name.upper()}`" in markdown()


TEXTS = ["auth_secret", "auth_secret_file", "auth_public_key_file"]
LISTS = ["auth_jwks", "auth_algorithms", "auth_issuer", "auth_audience"]


@pytest.mark.parametrize("empty", ["", " "])
@pytest.mark.parametrize("name", [*TEXTS, *LISTS])
def test_a_setting_for_tokens_that_came_out_empty_is_refused(name: str, empty: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} is empty"):
        settings_from({name: empty})


@pytest.mark.parametrize("empty", [[], (), [""], ","], ids=repr)
@pytest.mark.parametrize("name", LISTS)
def test_a_list_for_tokens_that_came_out_empty_is_refused(name: str, empty: object) -> None:
    with pytest.raises(SettingsError, match=f"{name} is empty"):
        settings_from({name: empty})


@pytest.mark.parametrize("name", [*TEXTS, *LISTS])
def test_a_setting_for_tokens_that_is_none_has_not_been_given(name: str) -> None:
    assert settings_from({name: None}) == Settings()


@pytest.mark.parametrize("name", ["uds", "ssl_certfile", "ssl_keyfile", "cookie", "api_key_file"])
def test_a_setting_that_is_given_and_empty_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} is empty"):
        settings_from({name: ""})


def test_sqlites_own_name_for_memory_is_no_file() -> None:
    with pytest.raises(SettingsError, match="'memory:'"):
        settings_from({"store": "sqlite:///:memory:"})
