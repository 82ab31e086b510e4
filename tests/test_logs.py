from __future__ import annotations

import json
import logging
import sys

import pytest

from duologue.logs import JsonFormatter, TextFormatter, escape

FORGED = (
    "name\r\n2026-01-01 00:00:00.000 INFO    duologue: forged\x1b[31m\u2028\u202e\u061c\x00\udc80"
)


def record(message: str, *args: object, exc_info: bool = False) -> logging.LogRecord:
    info = sys.exc_info() if exc_info else None
    made = logging.LogRecord("duologue", logging.INFO, "", 0, message, args, info)
    made.created = 0.0
    return made


def test_a_text_line_has_time_level_and_name() -> None:
    assert TextFormatter().format(record("client %s connected", "ann")) == (
        "1970-01-01 00:00:00.000+00:00 INFO    duologue: client ann connected"
    )


def test_no_text_makes_a_second_line_or_colours() -> None:
    line = TextFormatter().format(record("client %s connected", FORGED))
    assert len(line.splitlines()) == 1
    assert line.isprintable()


def test_an_end_of_line_at_the_end_is_not_shown() -> None:
    assert TextFormatter().format(record("it failed\n")).endswith(": it failed")


def test_what_was_escaped_can_still_be_read() -> None:
    assert escape("a\r\n\x1b\u2028b") == "a\\r\\n\\x1b\\u2028b"


def test_a_traceback_cannot_look_like_a_line_of_its_own() -> None:
    try:
        raise ValueError(FORGED)
    except ValueError:
        lines = TextFormatter().format(record("failed", exc_info=True)).splitlines()
    assert all(line.startswith("    ") for line in lines[1:])


def test_a_json_line_is_json() -> None:
    line = JsonFormatter().format(record("client %s connected", FORGED))
    entry = json.loads(line)
    assert len(line.splitlines()) == 1
    assert (entry["level"], entry["logger"], entry["message"]) == (
        "info",
        "duologue",
        f"client {FORGED} connected",
    )


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()], ids=type)
def test_what_is_harmless_is_left_alone(formatter: logging.Formatter) -> None:
    assert "h\u00e9llo \U0001f600" in formatter.format(record("h\u00e9llo \U0001f600"))


def about(session: object, request: object) -> logging.LogRecord:
    made = record("client %s connected", "ann session=forged")
    made.session, made.request = session, request
    return made


def test_a_text_line_names_session_and_request_before_its_message() -> None:
    assert TextFormatter().format(about("abc", "def")) == (
        "1970-01-01 00:00:00.000+00:00 INFO    duologue session=abc request=def: "
        "client ann session=forged connected"
    )


def test_a_json_line_has_session_and_request_as_members() -> None:
    entry = json.loads(JsonFormatter().format(about("abc", "def")))
    assert (entry["session"], entry["request"]) == ("abc", "def")


def test_an_id_that_there_is_none_of_is_not_shown() -> None:
    assert " duologue: " in TextFormatter().format(about("", None))
    assert {"session", "request"} & set(
        json.loads(JsonFormatter().format(about("", None)))
    ) == set()


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()], ids=type)
@pytest.mark.parametrize("request_id", ["x: client admin connected", "x" * 65, object()], ids=type)
def test_what_is_no_id_of_a_request_is_not_shown(
    formatter: logging.Formatter, request_id: object
) -> None:
    assert formatter.format(about("abc", request_id)) == formatter.format(about("abc", None))


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()], ids=type)
def test_a_frameworks_own_session_is_not_shown(formatter: logging.Formatter) -> None:
    assert formatter.format(about(object(), "def")) == formatter.format(about(None, "def"))


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()], ids=type)
def test_no_id_makes_a_second_line_or_colours(formatter: logging.Formatter) -> None:
    line = formatter.format(about(FORGED, FORGED))
    assert (len(line.splitlines()), line.isprintable()) == (1, True)
