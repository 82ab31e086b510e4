"""Every event as the bytes that travel, in both directions."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue import vocabulary
from duologue.core import errors, events
from duologue.core.errors import Refusal, refuse
from duologue.wire.engineio import Binary

UUID = "7b0e4b8e-0c3c-4f11-9b6e-3b8f3b0b3b3b"


def decode(body: bytes) -> Any:
    """What the engine makes of an event's body: a command, or what its client is told."""
    name = body.split(b'"')[1]
    try:
        return vocabulary.DECODERS[name].decode(body)[1]
    except msgspec.ValidationError as error:
        return vocabulary.invalid(str(error))


def reason(answer: Any) -> str:
    """Why an event is not well formed, without the sentence before it."""
    assert isinstance(answer, Refusal), answer
    assert answer.code == errors.INVALID
    return answer.error.removeprefix("The request is not well formed: ")


# Names


def test_clients_can_ask_for_what_the_design_lists() -> None:
    assert set(vocabulary.COMMANDS) == {
        "message",
        "link_request",
        "link_accept",
        "link_decline",
        "link_cancel",
        "link_close",
        "block",
        "unblock",
        "typing",
        "signal",
        "receipt",
        "history",
        "invite_create",
        "invite_redeem",
        "invite_revoke",
        "forget",
        "token",
    }


def test_clients_are_told_what_the_design_lists() -> None:
    assert {*vocabulary.NOTICES.values(), vocabulary.REFUSED} == {
        "client_id",
        "links",
        "message",
        "link_requested",
        "link_established",
        "link_declined",
        "link_cancelled",
        "link_closed",
        "link_expired",
        "typing",
        "presence",
        "signal",
        "receipt",
        "invite_crowded",
        "refused",
        "draining",
    }


def test_every_command_has_a_name_of_its_own() -> None:
    assert set(vocabulary.COMMANDS.values()) == set(events.Command.__args__)


def test_every_notice_has_a_name() -> None:
    assert set(vocabulary.NOTICES) == set(events.Notice.__args__)


# Commands in


@pytest.mark.parametrize(
    ("body", "command"),
    [
        (
            b'["message",{"targetClientId":"ben","message":"hi"}]',
            events.SendMessage("ben", "hi"),
        ),
        (
            b'["message",{"targetClientId":"ben","from":"ann","message":{"a":[1,null]},'
            b'"id":"7b0e4b8e-0c3c-4f11-9b6e-3b8f3b0b3b3b"}]',
            events.SendMessage("ben", {"a": [1, None]}, UUID, "ann"),
        ),
        (
            b'["message",{"targetClientId":"ben","message":null,"id":null,"from":null}]',
            events.SendMessage("ben", None),
        ),
        (
            b'["link_request",{"targetClientId":"ben"}]',
            events.RequestLink("ben"),
        ),
        (
            b'["link_request",{"targetClientId":"ben","note":"it is me"}]',
            events.RequestLink("ben", "it is me"),
        ),
        (b'["link_accept",{"targetClientId":"ben"}]', events.AcceptLink("ben")),
        (b'["link_decline",{"targetClientId":"ben"}]', events.DeclineLink("ben")),
        (b'["link_cancel",{"targetClientId":"ben"}]', events.CancelRequest("ben")),
        (b'["link_close",{"targetClientId":"ben"}]', events.CloseLink("ben")),
        (b'["block",{"targetClientId":"ben"}]', events.Block("ben")),
        (b'["unblock",{"targetClientId":"ben"}]', events.Unblock("ben")),
        (b'["typing",{"targetClientId":"ben"}]', events.SendTyping("ben", typing=True)),
        (
            b'["typing",{"targetClientId":"ben","typing":false}]',
            events.SendTyping("ben", typing=False),
        ),
        (
            b'["signal",{"targetClientId":"ben","data":{"sdp":"v=0"}}]',
            events.SendSignal("ben", {"sdp": "v=0"}),
        ),
        (
            b'["receipt",{"targetClientId":"ben","delivered":9007199254740992}]',
            events.SendReceipt("ben", 2**53),
        ),
        (
            b'["receipt",{"targetClientId":"ben","delivered":null,"read":0}]',
            events.SendReceipt("ben", None, 0),
        ),
        (b'["history",{"targetClientId":"ben"}]', events.ReadHistory("ben", None, 50)),
        (
            b'["history",{"targetClientId":"ben","before":7,"limit":100}]',
            events.ReadHistory("ben", 7, 100),
        ),
        (b'["invite_redeem",{"code":"lusab-babad"}]', events.RedeemInvite("lusab-babad")),
        (b'["invite_revoke",{"code":"lusab-babad"}]', events.RevokeInvite("lusab-babad")),
    ],
)
def test_a_command_is_decoded(body: bytes, command: events.Command) -> None:
    assert decode(body) == command


def test_keys_that_nobody_knows_are_ignored() -> None:
    assert decode(b'["block",{"targetClientId":"ben","urgent":true}]') == events.Block("ben")


COMMAND_NAMES = sorted(vocabulary.COMMANDS)
#: Those that are about another client, which is most of them.
TARGETED = sorted(
    name for name, command in vocabulary.COMMANDS.items() if hasattr(command, "target")
)
CODED = ["invite_redeem", "invite_revoke"]
WITHOUT_PAYLOAD = ["forget", "invite_create"]


def test_every_command_has_a_target_a_code_a_token_or_may_come_with_nothing() -> None:
    assert sorted([*TARGETED, *CODED, *WITHOUT_PAYLOAD, "token"]) == COMMAND_NAMES


def test_a_token_is_as_long_as_it_may_be() -> None:
    body = f'["token",{{"token":"{"x" * 16_384}"}}]'.encode()
    assert decode(body) == events.RenewToken("x" * 16_384)


def test_a_token_that_is_longer_is_refused() -> None:
    body = f'["token",{{"token":"{"x" * 16_385}"}}]'.encode()
    assert reason(decode(body)) == "Expected `str` of length <= 16384 - at `token`"


LONGEST: list[tuple[str, Any, Any]] = [
    ("resumeToken", "x" * 128, "x" * 129),
    ("token", "x" * 16_384, "x" * 16_385),
    (
        "since",
        {f"client-{each}": each for each in range(10_000)},
        {f"client-{each}": each for each in range(10_001)},
    ),
    ("since", {"x" * 128: 2**53}, {"x" * 129: 1}),
    ("since", {"ann": 0}, {"ann": -1}),
]


@pytest.mark.parametrize(("key", "most"), [(key, most) for key, most, _ in LONGEST])
def test_what_a_client_connects_with_is_as_long_as_it_may_be(key: str, most: Any) -> None:
    auth = msgspec.convert({key: most}, vocabulary.Auth)
    assert getattr(auth, {"resumeToken": "resume_token"}.get(key, key)) == most


@pytest.mark.parametrize(("key", "more"), [(key, more) for key, _, more in LONGEST])
def test_what_a_client_connects_with_is_not_taken_beyond_that(key: str, more: Any) -> None:
    with pytest.raises(msgspec.ValidationError, match=key):
        msgspec.convert({key: more}, vocabulary.Auth)


@pytest.mark.parametrize("name", CODED)
def test_a_code_of_64_characters_is_taken(name: str) -> None:
    answer: Any = decode(f'["{name}",{{"code":"{"b" * 64}"}}]'.encode())
    assert answer.code == "b" * 64


def test_what_may_come_with_nothing_is_left_to_be_decoded_by_name() -> None:
    with_decoder = {name.decode() for name in vocabulary.DECODERS}
    assert sorted(set(COMMAND_NAMES) - with_decoder) == WITHOUT_PAYLOAD


@pytest.mark.parametrize("name", TARGETED)
@pytest.mark.parametrize(
    ("rest", "why"),
    [
        ("", "Expected `array` of length 2"),
        (",{}", "Object missing required field `targetClientId`"),
        (',"ben"', "Expected `object`, got `str`"),
        (",null", "Expected `object`, got `null`"),
        (",[]", "Expected `object`, got `array`"),
        (",7", "Expected `object`, got `int`"),
        (
            ',{"targetClientId":"ben","message":"","data":""},"more"',
            "Expected `array` of length 2",
        ),
        (',{"targetClientId":7}', "Expected `str`, got `int` - at `targetClientId`"),
        (',{"targetClientId":null}', "Expected `str`, got `null` - at `targetClientId`"),
        (',{"targetClientId":["ben"]}', "Expected `str`, got `array` - at `targetClientId`"),
    ],
)
def test_what_is_no_command_is_refused_with_its_fault(name: str, rest: str, why: str) -> None:
    assert reason(decode(f'["{name}"{rest}]'.encode())) == why


@pytest.mark.parametrize("name", CODED)
@pytest.mark.parametrize(
    ("rest", "why"),
    [
        ("", "Expected `array` of length 2"),
        (",{}", "Object missing required field `code`"),
        (',"lusab"', "Expected `object`, got `str`"),
        (",null", "Expected `object`, got `null`"),
        (',{"code":"lusab"},"more"', "Expected `array` of length 2"),
        (',{"code":7}', "Expected `str`, got `int` - at `code`"),
        (',{"code":null}', "Expected `str`, got `null` - at `code`"),
        (
            ',{"code":"' + "b" * 65 + '"}',
            "Expected `str` of length <= 64 - at `code`",
        ),
    ],
)
def test_what_is_no_code_is_refused_with_its_fault(name: str, rest: str, why: str) -> None:
    assert reason(decode(f'["{name}"{rest}]'.encode())) == why


@pytest.mark.parametrize(
    ("name", "args", "command"),
    [
        ("forget", [], events.Forget()),
        ("forget", [{}], events.Forget()),
        ("forget", [{"sure": True}], events.Forget()),
        ("invite_create", [], events.CreateInvite(None, 1)),
        ("invite_create", [{}], events.CreateInvite(None, 1)),
        ("invite_create", [{"ttl": None}], events.CreateInvite(None, 1)),
        ("invite_create", [{"ttl": 1, "uses": 100}], events.CreateInvite(1, 100)),
        ("invite_create", [{"ttl": 2_592_000}], events.CreateInvite(2_592_000, 1)),
    ],
)
def test_a_command_that_may_come_with_nothing_is_decoded(
    name: str, args: list[Any], command: events.Command
) -> None:
    assert vocabulary.decode_command(name, args) == command


@pytest.mark.parametrize("name", WITHOUT_PAYLOAD)
@pytest.mark.parametrize(
    ("args", "why"),
    [
        (["ben"], "Expected `object`, got `str`"),
        ([None], "Expected `object`, got `null`"),
        ([[]], "Expected `object`, got `array`"),
        ([7], "Expected `object`, got `int`"),
        ([{}, {}], "An event takes one argument, an object"),
    ],
)
def test_one_that_comes_with_anything_else_is_refused(name: str, args: list[Any], why: str) -> None:
    assert reason(vocabulary.decode_command(name, args)) == why


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        ({"ttl": 0}, "Expected `int` >= 1 - at `ttl`"),
        ({"ttl": 2_592_001}, "Expected `int` <= 2592000 - at `ttl`"),
        ({"ttl": "1"}, "Expected `int | null`, got `str` - at `ttl`"),
        ({"uses": 0}, "Expected `int` >= 1 - at `uses`"),
        ({"uses": 101}, "Expected `int` <= 100 - at `uses`"),
        ({"uses": None}, "Expected `int`, got `null` - at `uses`"),
        ({"uses": 1.5}, "Expected `int`, got `float` - at `uses`"),
    ],
)
def test_an_invitation_outside_its_bounds_is_refused(payload: dict[str, Any], why: str) -> None:
    assert reason(vocabulary.decode_command("invite_create", [payload])) == why


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (
            b'["message",{"targetClientId":"ben"}]',
            "Object missing required field `message`",
        ),
        (b'["signal",{"targetClientId":"ben"}]', "Object missing required field `data`"),
        (
            b'["typing",{"targetClientId":"ben","typing":"yes"}]',
            "Expected `bool`, got `str` - at `typing`",
        ),
        (
            b'["link_request",{"targetClientId":"ben","note":{"b":1}}]',
            "Expected `str | null`, got `object` - at `note`",
        ),
        (
            b'["message",{"targetClientId":"ben","message":"","id":7}]',
            "Expected `str | null`, got `int` - at `id`",
        ),
        (
            b'["message",{"targetClientId":"ben","message":"","from":["ann"]}]',
            "Expected `str | null`, got `array` - at `from`",
        ),
        (
            b'["receipt",{"targetClientId":"ben","read":-1}]',
            "Expected `int` >= 0 - at `read`",
        ),
        (
            b'["receipt",{"targetClientId":"ben","delivered":9007199254740993}]',
            "Expected `int` <= 9007199254740992 - at `delivered`",
        ),
        (
            b'["receipt",{"targetClientId":"ben","read":true}]',
            "Expected `int | null`, got `bool` - at `read`",
        ),
        (
            b'["history",{"targetClientId":"ben","limit":0}]',
            "Expected `int` >= 1 - at `limit`",
        ),
        (
            b'["history",{"targetClientId":"ben","limit":101}]',
            "Expected `int` <= 100 - at `limit`",
        ),
        (
            b'["history",{"targetClientId":"ben","limit":null}]',
            "Expected `int`, got `null` - at `limit`",
        ),
        (
            b'["history",{"targetClientId":"ben","before":-1}]',
            "Expected `int` >= 0 - at `before`",
        ),
    ],
)
def test_a_field_of_a_wrong_type_is_refused(body: bytes, why: str) -> None:
    assert reason(decode(body)) == why


@pytest.mark.parametrize("name", TARGETED)
def test_a_target_of_128_characters_is_taken(name: str) -> None:
    target = "é" * 128
    payload = {"targetClientId": target, "message": "", "data": ""}
    assert decode(msgspec.json.encode([name, payload])).target == target


@pytest.mark.parametrize("name", TARGETED)
def test_a_target_of_129_characters_is_refused(name: str) -> None:
    payload = {"targetClientId": "b" * 129, "message": "", "data": ""}
    answer = decode(msgspec.json.encode([name, payload]))
    assert reason(answer) == "Expected `str` of length <= 128 - at `targetClientId`"


def test_a_note_of_200_characters_is_taken() -> None:
    note = "🤝" * 200
    payload = {"targetClientId": "ben", "note": note}
    assert decode(msgspec.json.encode(["link_request", payload])).note == note


def test_a_note_of_201_characters_is_refused() -> None:
    payload = {"targetClientId": "ben", "note": "n" * 201}
    answer = decode(msgspec.json.encode(["link_request", payload]))
    assert reason(answer) == "Expected `str` of length <= 200 - at `note`"


def test_a_message_id_may_be_in_capitals() -> None:
    payload = {"targetClientId": "ben", "message": "", "id": UUID.upper()}
    assert decode(msgspec.json.encode(["message", payload])).id == UUID.upper()


@pytest.mark.parametrize(
    "id",
    [
        "",
        "1",
        UUID[:-1],
        UUID + "0",
        UUID + "\n",
        "\n" + UUID,
        UUID.replace("-", ""),
        "{" + UUID + "}",
        UUID.replace("7", "g"),
        UUID.replace("7", "\N{ARABIC-INDIC DIGIT SEVEN}"),
    ],
)
def test_a_message_id_that_is_no_uuid_is_refused(id: str) -> None:
    payload = {"targetClientId": "ben", "message": "", "id": id}
    assert reason(decode(msgspec.json.encode(["message", payload]))).endswith("- at `id`")


@pytest.mark.parametrize(
    "number",
    [b"9223372036854775808", b"-9223372036854775809", b"1" + b"0" * 30, b"0.1", b"1e308"],
)
def test_a_number_arrives_as_it_was_sent(number: bytes) -> None:
    body = b'["message",{"targetClientId":"ben","message":' + number + b"}]"
    notice = events.MessageReceived("ann", decode(body).content)
    expected = b'42["message",{"from":"ann","content":' + number + b"}]"
    assert vocabulary.encode_notice(notice) == (expected,)


@pytest.mark.parametrize(("number", "kind"), [("9" * 5_000, "Integer value"), ("1e400", "Number")])
def test_a_number_that_nobody_could_hold_is_refused(number: str, kind: str) -> None:
    body = f'["message",{{"targetClientId":"ben","message":{number}}}]'.encode()
    assert reason(decode(body)) == f"{kind} out of range - at `message`"


# Commands that did not come through a decoder of their own


def test_binary_content_is_taken_as_it_is() -> None:
    payload = {"targetClientId": "ben", "message": {"file": Binary(b"\x00\xff")}}
    assert vocabulary.decode_command("message", [payload]) == events.SendMessage(
        "ben", {"file": b"\x00\xff"}
    )


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("message", {"targetClientId": Binary(b"ben"), "message": ""}),
        ("message", {"targetClientId": "ben", "message": "", "id": Binary(UUID.encode())}),
        ("message", {"targetClientId": "ben", "message": "", "from": Binary(b"ann")}),
        ("link_request", {"targetClientId": "ben", "note": Binary(b"note")}),
        ("typing", {"targetClientId": "ben", "typing": Binary(b"")}),
    ],
)
def test_binary_in_any_other_place_is_refused(name: str, payload: dict[str, object]) -> None:
    assert "got `bytes`" in reason(vocabulary.decode_command(name, [payload]))


def test_binary_instead_of_a_payload_is_refused() -> None:
    answer = vocabulary.decode_command("message", [Binary(b"{}")])
    assert reason(answer) == "Expected `object`, got `bytes`"


@pytest.mark.parametrize("args", [[], [{}, {}]])
def test_another_number_of_arguments_than_one_is_refused(args: list[object]) -> None:
    assert reason(vocabulary.decode_command("message", args)) == (
        "An event takes one argument, an object"
    )


@pytest.mark.parametrize("name", ["", "links", "MESSAGE", "__proto__", "invite_crowded"])
def test_an_event_that_is_not_for_clients_to_send_is_refused(name: str) -> None:
    answer = vocabulary.decode_command(name, [{"targetClientId": "ben"}])
    assert reason(answer) == "There is no event of this name"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(["targetClientId", "message", "id", "from", "note", "typing", "data"])


@given(name=st.sampled_from(COMMAND_NAMES), args=st.lists(st.dictionaries(KEYS, JSON) | JSON))
def test_whatever_comes_is_a_command_or_refused(name: str, args: list[Any]) -> None:
    answer = vocabulary.decode_command(name, args)
    assert isinstance(answer, (vocabulary.COMMANDS[name], Refusal))


# Notices out


@pytest.mark.parametrize(
    ("notice", "packet"),
    [
        (events.ClientIdGiven("ann"), b'42["client_id",{"clientId":"ann"}]'),
        (
            events.ClientIdGiven("ann", "s3cret"),
            b'42["client_id",{"clientId":"ann","resumeToken":"s3cret"}]',
        ),
        (
            events.Links([events.LinkEntry("ben", "Ben", False, 9_000, 8, 4, 3, 2, 5, 5)], [], []),
            b'42["links",{"links":[{"peer":"ben","name":"Ben","online":false,"lastSeen":9000,'
            b'"seq":8,"unread":4,"delivered":3,"read":2,"historyFrom":5,"first":5}],"requests":[],'
            b'"requested":[]}]',
        ),
        (
            events.Links(
                [events.LinkEntry("ben", None, True, None, 3)],
                [events.LinkRequested("cleo", "Cleo", "hello", 7_000)],
                [events.SentRequestEntry("dan", None, 8_000)],
            ),
            b'42["links",{"links":[{"peer":"ben","name":null,"online":true,"lastSeen":null,'
            b'"seq":3,"unread":0,"delivered":0,"read":0}],"requests":[{"from":"cleo","name":"Cleo","note":"hello",'
            b'"expiresAt":7000}],"requested":[{"to":"dan","note":null,"expiresAt":8000}]}]',
        ),
        (
            events.MessageReceived("ann", "hi"),
            b'42["message",{"from":"ann","content":"hi"}]',
        ),
        (
            events.MessageReceived("ann", "hi", UUID, 1, 9_000),
            b'42["message",{"from":"ann","content":"hi",'
            b'"id":"7b0e4b8e-0c3c-4f11-9b6e-3b8f3b0b3b3b","seq":1,"at":9000}]',
        ),
        (
            events.MessageReceived("ann", [None], UUID, 1, 9_000, "ben"),
            b'42["message",{"from":"ann","content":[null],'
            b'"id":"7b0e4b8e-0c3c-4f11-9b6e-3b8f3b0b3b3b","seq":1,"at":9000,"to":"ben"}]',
        ),
        (
            events.LinkRequested("ann", None, None, 7_000),
            b'42["link_requested",{"from":"ann","name":null,"note":null,"expiresAt":7000}]',
        ),
        (
            events.LinkEstablished("ann", 'A"nn'),
            b'42["link_established",{"peer":"ann","name":"A\\"nn"}]',
        ),
        (events.LinkDeclined("ann"), b'42["link_declined",{"peer":"ann"}]'),
        (events.LinkCancelled("ann"), b'42["link_cancelled",{"peer":"ann"}]'),
        (events.LinkClosed("ann"), b'42["link_closed",{"peer":"ann"}]'),
        (events.LinkExpired("ann"), b'42["link_expired",{"peer":"ann"}]'),
        (events.Typing("ann", typing=False), b'42["typing",{"from":"ann","typing":false}]'),
        (
            events.Presence("ann", online=True),
            b'42["presence",{"clientId":"ann","online":true,"lastSeen":null}]',
        ),
        (
            events.Presence("ann", online=False, last_seen=9_000),
            b'42["presence",{"clientId":"ann","online":false,"lastSeen":9000}]',
        ),
        (
            events.SignalReceived("ann", {"a": 1}),
            b'42["signal",{"from":"ann","data":{"a":1}}]',
        ),
        (
            events.Receipt("ann", 7, 5),
            b'42["receipt",{"from":"ann","delivered":7,"read":5}]',
        ),
        (
            events.Receipt("ann", 7, 5, "ben"),
            b'42["receipt",{"from":"ann","delivered":7,"read":5,"to":"ben"}]',
        ),
        (events.InviteCrowded("lusab"), b'42["invite_crowded",{"code":"lusab"}]'),
        (events.Draining(), b'42["draining",{}]'),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, bytes) else "",
)
def test_a_notice_is_encoded(notice: events.Notice, packet: bytes) -> None:
    assert vocabulary.encode_notice(notice) == (packet,)


def test_a_message_with_binary_travels_with_attachments() -> None:
    notice = events.MessageReceived("ann", [b"\x01", {"b": b"\x02"}], UUID, 1, 9_000)
    assert vocabulary.encode_notice(notice) == (
        b'452-["message",{"from":"ann","content":[{"_placeholder":true,"num":0},'
        b'{"b":{"_placeholder":true,"num":1}}],'
        b'"id":"7b0e4b8e-0c3c-4f11-9b6e-3b8f3b0b3b3b","seq":1,"at":9000}]',
        b"\x01",
        b"\x02",
    )


def test_a_message_of_the_open_policy_with_binary_has_no_more_keys_than_the_tutorials() -> None:
    assert vocabulary.encode_notice(events.MessageReceived("ann", b"\x01")) == (
        b'451-["message",{"from":"ann","content":{"_placeholder":true,"num":0}}]',
        b"\x01",
    )


def test_a_signal_with_binary_travels_with_attachments() -> None:
    assert vocabulary.encode_notice(events.SignalReceived("ann", b"\x01")) == (
        b'451-["signal",{"from":"ann","data":{"_placeholder":true,"num":0}}]',
        b"\x01",
    )


# Answers


@pytest.mark.parametrize(
    ("reply", "packet"),
    [
        (events.Done(), b'437[{"ok":true}]'),
        (
            events.RequestReply("requested", 7_000),
            b'437[{"state":"requested","expiresAt":7000,"ok":true}]',
        ),
        (events.RequestReply("linked"), b'437[{"state":"linked","ok":true}]'),
        (
            events.MessageReply(UUID, 1, 9_000, "delivered"),
            b'437[{"id":"7b0e4b8e-0c3c-4f11-9b6e-3b8f3b0b3b3b","seq":1,"at":9000,'
            b'"status":"delivered","ok":true}]',
        ),
        (
            events.HistoryReply([events.StoredMessage("ann", "hi", UUID, 1, 9_000)], True),
            b'437[{"messages":[{"from":"ann","content":"hi",'
            b'"id":"7b0e4b8e-0c3c-4f11-9b6e-3b8f3b0b3b3b","seq":1,"at":9000}],'
            b'"more":true,"ok":true}]',
        ),
        (events.HistoryReply([], False), b'437[{"messages":[],"more":false,"ok":true}]'),
        (
            events.InviteReply("lusab-babad", "https://example.org/?invite=lusab-babad", 7_000),
            b'437[{"code":"lusab-babad","url":"https://example.org/?invite=lusab-babad",'
            b'"expiresAt":7000,"ok":true}]',
        ),
        (events.RedeemReply("ben"), b'437[{"clientId":"ben","ok":true}]'),
        (
            refuse(errors.NO_REQUEST, target="ben"),
            b'437[{"error":"There is no request from this client to answer",'
            b'"code":"no_request","retryable":false,"targetClientId":"ben"}]',
        ),
        (
            refuse(errors.RATE_LIMITED, retry_after=1.5, target="ben"),
            b'437[{"error":"Too many requests; try again later","code":"rate_limited",'
            b'"retryable":true,"retryAfter":1.5,"targetClientId":"ben"}]',
        ),
    ],
)
def test_an_answer_is_encoded(reply: events.Reply, packet: bytes) -> None:
    assert vocabulary.encode_reply(7, reply) == (packet,)


def test_a_page_of_history_with_binary_travels_with_attachments() -> None:
    messages = [
        events.StoredMessage("ann", {"b": b"\x01"}, UUID, 1, 9_000),
        events.StoredMessage("ben", "text", UUID, 2, 9_001),
        events.StoredMessage("ben", b"\x02", UUID, 3, 9_002),
    ]
    id = UUID.encode()
    assert vocabulary.encode_reply(7, events.HistoryReply(messages, False)) == (
        b'462-7[{"messages":[{"from":"ann","content":{"b":{"_placeholder":true,"num":0}},'
        b'"id":"' + id + b'","seq":1,"at":9000},{"from":"ben","content":"text",'
        b'"id":"' + id + b'","seq":2,"at":9001},{"from":"ben",'
        b'"content":{"_placeholder":true,"num":1},"id":"' + id + b'","seq":3,"at":9002}],'
        b'"more":false,"ok":true}]',
        b"\x01",
        b"\x02",
    )


PLACE = {"_placeholder": True, "num": 99}


@pytest.mark.parametrize(
    "content", [PLACE, [PLACE], {"a": [1, PLACE]}, {"_placeholder": 1}, [b"a", {"_placeholder": 0}]]
)
def test_what_looks_like_the_place_of_an_attachment_is_refused(content: Any) -> None:
    refusals = [
        vocabulary.lookalike(events.SendMessage("ben", content)),
        vocabulary.lookalike(events.SendSignal("ben", content)),
    ]
    assert [refusal and refusal.code for refusal in refusals] == ["invalid", "invalid"]


@pytest.mark.parametrize(
    "content", ["_placeholder", ["_placeholder"], {"a": "_placeholder"}, b"", 7]
)
def test_what_only_speaks_of_it_is_not(content: Any) -> None:
    assert vocabulary.lookalike(events.SendMessage("ben", content)) is None


@pytest.mark.parametrize(
    ("contents", "together"),
    [
        ([], 0),
        (["a", {"b": 1}, [2]], 3),
        ([b"a"] * 10, 10),
        ([b"a"] * 11, 10),
        ([[b"a"] * 11, "b"], 1),
        ([[b"a"] * 11], 1),
        (["a" * 600_000, "b" * 600_000], 1),
        (["a" * 400_000, "b" * 400_000], 2),
    ],
)
def test_a_page_has_no_more_than_a_packet_can_carry(contents: list[Any], together: int) -> None:
    messages = [events.MessageReceived("ann", content) for content in contents]
    assert vocabulary.page(messages) == messages[len(messages) - together :]


def test_a_message_refused_without_an_acknowledgement_comes_back_as_a_message() -> None:
    refusal = refuse(errors.NOT_LINKED, target="ben", id=UUID)
    assert vocabulary.encode_refusal("message", refusal) == (
        b'42["message",{"error":"You are not connected to this client","code":"not_linked",'
        b'"retryable":false,"targetClientId":"ben",'
        b'"id":"7b0e4b8e-0c3c-4f11-9b6e-3b8f3b0b3b3b"}]',
    )


def test_an_unknown_target_is_refused_in_the_tutorials_words() -> None:
    assert vocabulary.encode_refusal("message", refuse(errors.NOT_FOUND, target="ben")) == (
        b'42["message",{"error":"Target client ID not found","code":"not_found",'
        b'"retryable":false,"targetClientId":"ben"}]',
    )


@pytest.mark.parametrize("name", [name for name in COMMAND_NAMES if name != "message"])
def test_anything_else_refused_without_an_acknowledgement_comes_back_with_its_name(
    name: str,
) -> None:
    refusal = refuse(errors.RATE_LIMITED, target="ben", retry_after=2.0)
    assert vocabulary.encode_refusal(name, refusal) == (
        b'42["refused",{"event":"' + name.encode() + b'",'
        b'"error":"Too many requests; try again later","code":"rate_limited",'
        b'"retryable":true,"retryAfter":2.0,"targetClientId":"ben"}]',
    )


@pytest.mark.parametrize("code", sorted(errors.CODES))
def test_every_code_has_a_sentence(code: str) -> None:
    assert len(refuse(code).error) > 10


def test_the_codes_are_those_of_the_design() -> None:
    assert set(errors.CODES) == {
        "not_found",
        "not_linked",
        "no_request",
        "blocked",
        "from_mismatch",
        "invalid",
        "too_large",
        "rate_limited",
        "unauthorized",
        "expired",
        "overloaded",
        "unavailable",
    }


# A client's direction


def test_what_a_command_leaves_unsaid_is_left_out() -> None:
    assert vocabulary.encode_command(events.SendMessage("ben", "hi")) == (
        "message",
        {"targetClientId": "ben", "message": "hi"},
    )


def test_content_that_is_null_is_said() -> None:
    assert vocabulary.encode_command(events.SendMessage("ben", None, "id"))[1] == {
        "targetClientId": "ben",
        "message": None,
        "id": "id",
    }


@pytest.mark.parametrize("command", sorted(set(vocabulary.COMMANDS.values()), key=str))
def test_every_command_of_a_client_is_understood(command: Any) -> None:
    known = {"target": "ben", "content": [b"x"], "data": {"a": 1}, "code": "abc", "token": "x.y.z"}
    required = [f.name for f in msgspec.structs.fields(command) if f.required]
    asked = command(**{name: known[name] for name in required})
    assert vocabulary.decode_command(*_event(asked)) == asked


def _event(command: Any) -> tuple[str, list[Any]]:
    name, payload = vocabulary.encode_command(command)
    return name, [payload]


def test_what_clients_would_take_for_an_attachment_is_not_sent() -> None:
    with pytest.raises(ValueError, match="_placeholder"):
        vocabulary.encode_command(events.SendSignal("ben", [{"_placeholder": False}]))


def test_a_notice_is_understood() -> None:
    notice = vocabulary.decode_notice("message", [{"from": "ann", "content": b"x", "seq": 1}])
    assert notice == events.MessageReceived("ann", b"x", seq=1)


def test_an_error_may_come_as_a_message() -> None:
    payload = {"error": "no", "code": "not_linked", "retryable": False}
    assert vocabulary.decode_notice("message", [payload]) == Refusal(
        error="no", code="not_linked", retryable=False
    )


def test_an_event_of_an_unknown_name_is_none() -> None:
    assert vocabulary.decode_notice("from_the_future", []) is None


def test_a_notice_that_makes_no_sense_is_an_error() -> None:
    with pytest.raises(msgspec.ValidationError):
        vocabulary.decode_notice("typing", [{"from": 1}])


def test_a_reply_is_what_was_asked_for_or_a_refusal() -> None:
    assert vocabulary.decode_reply([{"ok": True}], events.Done) == events.Done()
    refused = {"error": "no", "code": "expired", "retryable": False}
    assert isinstance(vocabulary.decode_reply([refused], events.Done), Refusal)
    with pytest.raises(msgspec.ValidationError):
        vocabulary.decode_reply([], events.Done)
