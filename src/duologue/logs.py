"""Log lines that nobody but the program can write."""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import Final, Literal

from .server import requests

# Control characters of both kinds, line separators, marks that turn the direction of text, and what
# cannot be encoded
_UNSAFE: Final = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def escape(text: str) -> str:
    """`text` on one line and without anything that a terminal would obey."""
    return _UNSAFE.sub(lambda match: ascii(match[0])[1:-1], text)


def _ids(record: logging.LogRecord) -> dict[str, str]:
    """The session and the request that a record is about, where it is about one."""
    found = {name: getattr(record, name, None) for name in ("session", "request")}
    # Frameworks have objects of theirs by these names
    ids = {name: id for name, id in found.items() if isinstance(id, str) and id}
    # Where another server carries the clients, nobody has looked at what they call their requests
    if not requests.is_sane(ids.get("request", "")):
        ids["request"] = requests.current() or ""
    return {name: id for name, id in ids.items() if id}


class TextFormatter(logging.Formatter):
    """A line for each record; what follows of a traceback is indented, as no first line is."""

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).isoformat(" ", "milliseconds")
        # Before the message, in which others may have put something that looks the same
        ids = "".join(f" {name}={escape(id)}" for name, id in _ids(record).items())
        # uvicorn ends some of its messages with a line's end
        message = escape(record.getMessage().rstrip("\n"))
        line = f"{time} {record.levelname:7} {record.name}{ids}: {message}"
        if record.exc_info:
            trace = self.formatException(record.exc_info)
            line += "".join(f"\n    {escape(part)}" for part in trace.splitlines())
        return line


class JsonFormatter(logging.Formatter):
    """A JSON object for each record."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            **_ids(record),
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        # What is unsafe on a terminal is so in JSON too, and can be escaped there like any letter
        line = json.dumps(entry, ensure_ascii=False)
        return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", line)


def configure(level: str, format: Literal["text", "json"], *, access: bool = False) -> None:
    """Send everything from `level` up to standard error; with `access` a line for each request."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if format == "json" else TextFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # uvicorn's own account of its starting and stopping says nothing that ours does not
    logging.getLogger("uvicorn").setLevel(max(logging.WARNING, logging.getLogger().level))
    requests.access_logger.disabled = not access
