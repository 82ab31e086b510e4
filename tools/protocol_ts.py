"""Write ``web/src/client/protocol.ts``, the browser client's types, from the server's structs.

python tools/protocol_ts.py [--check]
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, get_args

import msgspec
from msgspec import inspect

from duologue import vocabulary
from duologue.core import errors, events

TARGET: Final = Path(__file__).parent.parent / "web" / "src" / "client" / "protocol.ts"

#: What a command is answered if it is not refused.
REPLIES: Final[Mapping[type[Any], type[Any]]] = {
    **dict.fromkeys(vocabulary.COMMANDS.values(), events.Done),
    events.SendMessage: events.MessageReply,
    events.RequestLink: events.RequestReply,
    events.ReadHistory: events.HistoryReply,
    events.CreateInvite: events.InviteReply,
    events.RedeemInvite: events.RedeemReply,
    events.RenewToken: events.TokenReply,
}

_HEAD: Final = """/**
 * The events of docs/protocol.md as types.
 *
 * Made from the server's own structs by `make protocol`; a test fails when it is out of date.
 */

"""

#: The structs in which `code` is one of the codes there are.
_REFUSALS: Final = (errors.Refusal, vocabulary.RefusedEvent)

_MOST_COLUMNS: Final = 100


def document() -> str:
    return _HEAD + "\n".join(
        [
            _error_codes(),
            _section("What a client connects with.", [vocabulary.Auth], optional=True),
            _section("What a client asks for.", vocabulary.COMMANDS.values(), optional=True),
            _section("What it is answered.", _replies(), optional=False),
            _section("What a client is told.", _notices(), optional=False),
            _client_events(),
            _server_events(),
        ]
    )


def _replies() -> list[type[Any]]:
    answered = set(REPLIES.values())
    replies = [reply for reply in get_args(events.Reply) if reply in answered]
    if len(replies) != len(answered):
        raise AssertionError("REPLIES has what is not a reply")
    return [events.StoredMessage, *replies, errors.Refusal]


def _notices() -> list[type[Any]]:
    parts = (events.LinkEntry, events.SentRequestEntry)
    return [*parts, *vocabulary.NOTICES, vocabulary.RefusedEvent]


def _error_codes() -> str:
    codes = "".join(f"\n  | {json.dumps(code)}" for code in errors.CODES)
    comment = "/** Why something was refused; see docs/protocol.md, section 7. */"
    return f"{comment}\nexport type ErrorCode ={codes};\n"


def _section(title: str, structs: Iterable[type[Any]], *, optional: bool) -> str:
    interfaces = [_interface(struct, optional=optional) for struct in structs]
    return "\n".join([f"// {title}\n", *interfaces])


def _interface(struct: type[Any], *, optional: bool) -> str:
    """`optional` is whether fields that have a default may be left out: those that the server
    sends are always there, but for those that are unset."""
    kind = inspect.type_info(struct)
    assert isinstance(kind, inspect.StructType)
    lines = list(_comment(struct))
    if not kind.fields:
        return "\n".join(
            [*lines, f"export type {struct.__name__} = Readonly<Record<string, never>>;\n"]
        )
    lines.append(f"export interface {struct.__name__} {{")
    hints = {field.name: field for field in msgspec.structs.fields(struct)}
    for field in kind.fields:
        unset = msgspec.UnsetType in get_args(hints[field.name].type)
        missing = unset or (optional and not field.required)
        written = _written(struct, field)
        lines.append(f"  readonly {_key(field.encode_name)}{'?' if missing else ''}: {written};")
    return "\n".join([*lines, "}\n"])


def _comment(struct: type[Any]) -> Iterator[str]:
    text = " ".join((struct.__dict__.get("__doc__") or "").split())
    if not text:
        return
    if len(text) + 8 <= _MOST_COLUMNS:
        yield f"/** {text} */"
        return
    yield "/**"
    line = " *"
    for word in text.split():
        if len(line) + 1 + len(word) > _MOST_COLUMNS:
            yield line
            line = " *"
        line += f" {word}"
    yield line
    yield " */"


def _written(struct: type[Any], field: inspect.Field) -> str:
    if field.name == "code" and struct in _REFUSALS:
        return "ErrorCode"
    if field.name == "ok":
        return "true"
    return _type(field.type)


def _type(kind: inspect.Type) -> str:
    match kind:
        case inspect.Metadata():
            return _type(kind.type)
        case inspect.StrType():
            return "string"
        case inspect.IntType() | inspect.FloatType():
            return "number"
        case inspect.BoolType():
            return "boolean"
        case inspect.NoneType():
            return "null"
        case inspect.AnyType():
            return "unknown"
        case inspect.LiteralType():
            return " | ".join(sorted(map(json.dumps, kind.values)))
        case inspect.UnionType():
            parts = [part for part in kind.types if not _is_unset(part)]
            return " | ".join(map(_type, parts))
        case inspect.ListType():
            return f"readonly {_type(kind.item_type)}[]"
        case inspect.DictType():
            return f"Readonly<Record<{_type(kind.key_type)}, {_type(kind.value_type)}>>"
        case inspect.StructType():
            return kind.cls.__name__
    raise NotImplementedError(f"no TypeScript for {kind}")


def _is_unset(kind: inspect.Type) -> bool:
    return isinstance(kind, inspect.CustomType) and kind.cls is msgspec.UnsetType


def _key(name: str) -> str:
    return name if name.isidentifier() else json.dumps(name)


def _client_events() -> str:
    lines = [
        "/** From client to server: what an event carries, and what answers it. */",
        "export interface ClientEvents {",
    ]
    for name, command in vocabulary.COMMANDS.items():
        reply = REPLIES[command].__name__
        lines.append(f"  readonly {name}: {{ payload: {command.__name__}; reply: {reply} }};")
    return "\n".join([*lines, "}\n"])


def _server_events() -> str:
    lines = [
        "/** From server to client: what an event carries. */",
        "export interface ServerEvents {",
    ]
    for notice, name in vocabulary.NOTICES.items():
        carried = notice.__name__
        if notice is events.MessageReceived:
            carried += f" | {errors.Refusal.__name__}"
        lines.append(f"  readonly {name}: {carried};")
    lines.append(f"  readonly {vocabulary.REFUSED}: {vocabulary.RefusedEvent.__name__};")
    return "\n".join([*lines, "}\n"])


def main(arguments: list[str]) -> int:
    made = document()
    if "--check" not in arguments:
        TARGET.write_text(made)
    elif not TARGET.is_file() or TARGET.read_text() != made:
        print(f"{TARGET.name} is out of date; run: make protocol", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
