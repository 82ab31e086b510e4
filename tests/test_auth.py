"""Tokens of every kind, good and bad, and what a server is told about them."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import logging
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jwt
import pytest

from duologue import auth, auth_options, keys
from duologue.auth import verify
from duologue.auth_options import CannotUseKeys, Options
from duologue.node import Identify, Named, Session, Unidentified
from tests.support.tokens import SECRET, jwk, jwks, private_key, private_pem, public_pem, token

NOW = 1_000_000.0
ALGORITHMS = [*auth_options.SHARED, *auth_options.PUBLIC]
HS256 = keys.secret(SECRET.encode(), ["HS256"])


def key_for(algorithm: str) -> keys.Key:
    if algorithm in auth_options.SHARED:
        return keys.secret(SECRET.encode(), [algorithm])
    return keys.public_key(public_pem(private_key(algorithm)), [algorithm])


def check(signed: str, key: keys.Key = HS256, **changes: Any) -> auth.Claimed:
    chosen: dict[str, Any] = {"issuer": None, "audiences": (), "leeway": 0.0, "now": NOW}
    return verify(signed, key, **(chosen | changes))


def refusal(verifying: Callable[..., object], *args: Any, **kwargs: Any) -> str:
    """The code with which a token is refused."""
    with pytest.raises(Unidentified) as caught:
        verifying(*args, **kwargs)
    return caught.value.code


# What a token says


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_token_is_verified_with_every_algorithm(algorithm: str) -> None:
    signed = token("ann", algorithm=algorithm, exp=NOW + 60)
    assert check(signed, key_for(algorithm)) == auth.Claimed("ann", None, NOW + 60)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_token_that_another_key_signed_is_refused(algorithm: str) -> None:
    other = "another secret, which has enough bytes for them all as well, it seems to me"
    key = other if algorithm in auth_options.SHARED else private_key(algorithm, 1)
    signed = token("ann", algorithm=algorithm, key=key, exp=NOW + 60)
    assert refusal(check, signed, key_for(algorithm)) == "unauthorized"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_token_whose_claims_were_changed_is_refused(algorithm: str) -> None:
    head, _, signature = token("ann", algorithm=algorithm, exp=NOW + 60).split(".")
    body = base64.urlsafe_b64encode(json.dumps({"sub": "ben", "exp": NOW + 60}).encode())
    forged = f"{head}.{body.decode().rstrip('=')}.{signature}"
    assert refusal(check, forged, key_for(algorithm)) == "unauthorized"


def test_an_expired_token_that_is_forged_is_not_called_expired() -> None:
    signed = token("ann", key="x" * 64, exp=NOW - 60)
    assert refusal(check, signed) == "unauthorized"


@pytest.mark.parametrize("seconds", [1, 0.001])
def test_a_token_is_valid_until_it_ends(seconds: float) -> None:
    assert check(token("ann", exp=NOW + seconds)).subject == "ann"


@pytest.mark.parametrize("seconds", [0, 1])
def test_a_token_is_expired_from_its_end_on(seconds: float) -> None:
    assert refusal(check, token("ann", exp=NOW - seconds)) == "expired"


def test_a_token_is_valid_a_leeway_longer() -> None:
    assert check(token("ann", exp=NOW - 9), leeway=10.0).expires_at == NOW + 1


def test_a_token_is_expired_when_the_leeway_is_over() -> None:
    assert refusal(check, token("ann", exp=NOW - 10), leeway=10.0) == "expired"


@pytest.mark.parametrize("not_before", [NOW, NOW - 1, NOW + 10])
def test_a_token_is_valid_from_its_time_on(not_before: float) -> None:
    signed = token("ann", exp=NOW + 60, nbf=not_before)
    assert check(signed, leeway=10.0).subject == "ann"


def test_a_token_is_not_valid_before_its_time() -> None:
    signed = token("ann", exp=NOW + 60, nbf=NOW + 11)
    assert refusal(check, signed, leeway=10.0) == "unauthorized"


def test_when_a_token_was_issued_does_not_matter() -> None:
    assert check(token("ann", exp=NOW + 60, iat=NOW + 1_000)).subject == "ann"


def test_a_token_without_an_end_is_refused() -> None:
    assert refusal(check, token("ann", ttl=None)) == "unauthorized"


@pytest.mark.parametrize(
    "exp",
    ["soon", True, [NOW + 60], 1_790_000_000_000, 2**53, 1e400, float("nan"), -1, {}],
)
def test_a_token_whose_end_is_no_time_is_refused(exp: object) -> None:
    assert refusal(check, token("ann", exp=exp)) == "unauthorized"


def test_a_token_may_last_as_long_as_calendars_do() -> None:
    assert check(token("ann", exp=253_402_300_799)).expires_at == 253_402_300_799


def test_a_token_whose_beginning_is_no_time_is_refused() -> None:
    assert refusal(check, token("ann", exp=NOW + 60, nbf="now")) == "unauthorized"


@pytest.mark.parametrize("sub", ["a", "x" * 128, "auth0|42", "ann@example.org", "Zoë Ω", "a b"])
def test_the_subject_is_the_client_id(sub: str) -> None:
    assert check(token(sub, exp=NOW + 60)).subject == sub


@pytest.mark.parametrize(
    "sub",
    [
        None,
        "",
        "x" * 129,
        "a\nb",
        "\x00",
        "\x1b[31m",
        "\x7f",
        "\x85",
        "\u2028",
        "\ud800",
        7,
        ["ann"],
    ],
)
def test_a_token_without_a_subject_that_could_be_an_id_is_refused(sub: object) -> None:
    key = jwt.PyJWS().encode(
        json.dumps({"exp": NOW + 60} | ({} if sub is None else {"sub": sub})).encode(), SECRET
    )
    assert refusal(check, key) == "unauthorized"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Ann", "Ann"),
        ("x" * 64, "x" * 64),
        ("x" * 65, "x" * 64),
        ("A\nn\x1bn\ud800", "Ann"),
        (" ", None),
        ("", None),
        (7, None),
    ],
)
def test_a_name_is_taken_as_far_as_it_can_be_shown(name: object, shown: str | None) -> None:
    signed = jwt.PyJWS().encode(
        json.dumps({"sub": "ann", "exp": NOW + 60, "name": name}).encode(), SECRET
    )
    assert check(signed).name == shown


@pytest.mark.parametrize("aud", ["us", ["them", "us"]])
def test_a_token_for_us_is_taken(aud: object) -> None:
    assert check(token("ann", exp=NOW + 60, aud=aud), audiences=["we", "us"]).subject == "ann"


@pytest.mark.parametrize("aud", [None, "them", ["them"], [], 7, ""])
def test_a_token_for_others_is_refused(aud: object) -> None:
    assert refusal(check, token("ann", exp=NOW + 60, aud=aud), audiences=["us"]) == "unauthorized"


def test_a_token_for_somebody_is_refused_where_nobody_is_named() -> None:
    assert refusal(check, token("ann", exp=NOW + 60, aud="them")) == "unauthorized"


def test_a_token_of_our_issuer_is_taken() -> None:
    assert check(token("ann", exp=NOW + 60, iss="us"), issuer="us").subject == "ann"


@pytest.mark.parametrize("iss", [None, "them", "us/", ["us"], ""])
def test_a_token_of_another_issuer_is_refused(iss: object) -> None:
    payload = {"sub": "ann", "exp": NOW + 60} | ({} if iss is None else {"iss": iss})
    signed = jwt.PyJWS().encode(json.dumps(payload).encode(), SECRET)
    assert refusal(check, signed, issuer="us") == "unauthorized"


# Whole verifiers


class Nobody:
    """Of a session nothing matters to a token; the log names it."""

    sid = "0123456789abcdef"
    headers: Mapping[str, str] = {}


def named(options: Options, signed: object, **payload: Any) -> Named:
    return named_by(auth.identify(options), signed, **payload)


def named_by(identify: Identify, signed: object, **payload: Any) -> Named:
    found = identify(Nobody(), {"token": signed, **payload})  # type: ignore[arg-type]
    assert isinstance(found, Named)
    return found


SHARED = Options(secret=SECRET)


def test_an_identity_that_a_token_names_is_kept_until_the_token_ends() -> None:
    found = named(SHARED, token("ann", exp=9_000_000_000.0, name="Ann"))
    assert found == Named("ann", "Ann", kept=True, expires_at=9_000_000_010.0)


def test_the_name_in_the_token_counts_more_than_another() -> None:
    assert named(SHARED, token("ann", name="Ann"), name="Ben").name == "Ann"


def test_a_name_is_the_clients_own_where_the_token_has_none() -> None:
    assert named(SHARED, token("ann"), name="Annie").name == "Annie"


def test_who_brings_no_token_is_refused() -> None:
    assert refusal(named, SHARED, None) == "unauthorized"


def test_who_brings_no_token_is_anonymous_where_that_is_switched_on() -> None:
    found = named(Options(secret=SECRET, anonymous=True), None, name="Ann")
    assert (found.name, found.fresh, found.kept) == ("Ann", True, False)


def test_who_brings_a_bad_token_is_not_anonymous_instead() -> None:
    assert refusal(named, Options(secret=SECRET, anonymous=True), "x.y.z") == "unauthorized"


def test_without_a_key_everyone_is_anonymous() -> None:
    assert named(Options(), "whatever").fresh


def unsigned(header: object, payload: object) -> str:
    parts = [
        base64.urlsafe_b64encode(each if isinstance(each, bytes) else json.dumps(each).encode())
        .decode()
        .rstrip("=")
        for each in (header, payload)
    ]
    return ".".join([*parts, ""])


CLAIMS = {"sub": "ann", "exp": 9_000_000_000}


@pytest.mark.parametrize(
    "signed",
    [
        "",
        ".",
        "..",
        "a.b.c",
        "é.é.é",
        "\x00",
        7,
        b"x",
        ["x"],
        "x" * 1_000_000,
        unsigned({"alg": "none"}, CLAIMS),
        unsigned({"alg": "None"}, CLAIMS),
        unsigned({"alg": "nOnE", "typ": "JWT"}, CLAIMS),
        unsigned({"alg": ""}, CLAIMS),
        unsigned({"alg": None}, CLAIMS),
        unsigned({"alg": ["HS256"]}, CLAIMS),
        unsigned({}, CLAIMS),
        unsigned([], CLAIMS),
        unsigned({"alg": "HS256", "kid": 7}, CLAIMS),
        unsigned({"alg": "HS256", "kid": ["x"]}, CLAIMS),
        unsigned({"alg": "HS256", "b64": False, "crit": ["b64"]}, CLAIMS),
        unsigned({"alg": "HS256", "crit": ["exp"]}, CLAIMS),
        unsigned(b"[" * 10_000, CLAIMS),
        unsigned({"alg": "HS256"}, b"[" * 10_000),
        unsigned(b'{"alg":' + b"9" * 5_000 + b"}", CLAIMS),
        unsigned({"alg": "HS256"}, CLAIMS),
    ],
    ids=lambda signed: str(signed)[:40],
)
def test_what_is_no_token_is_refused(signed: object) -> None:
    assert refusal(named, SHARED, signed) == "unauthorized"


@pytest.mark.parametrize("body", [b"[" * 10_000, b'{"exp":' + b"9" * 5_000 + b"}", b"\xff", b"7"])
def test_what_an_issuer_signs_need_not_make_sense(body: bytes) -> None:
    assert refusal(named, SHARED, jwt.PyJWS().encode(body, SECRET)) == "unauthorized"


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_an_algorithm_that_is_not_in_the_list_is_refused(algorithm: str) -> None:
    assert refusal(named, SHARED, token("ann", algorithm=algorithm)) == "unauthorized"


def test_any_algorithm_in_the_list_may_be_used() -> None:
    options = Options(secret=SECRET, algorithms=("HS256", "HS512"))
    assert named(options, token("ann", algorithm="HS512")).client_id == "ann"


def public(folder: Path, algorithm: str, *algorithms: str) -> Options:
    (folder / "key.pem").write_bytes(public_pem(private_key(algorithm)))
    return Options(public_key_file=str(folder / "key.pem"), algorithms=algorithms or None)


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_the_usual_algorithms_need_not_be_named(tmp_path: Path, algorithm: str) -> None:
    options = public(tmp_path, algorithm)
    assert named(options, token("ann", algorithm=algorithm)).client_id == "ann"


def test_a_public_key_is_not_taken_for_a_secret(tmp_path: Path) -> None:
    options = public(tmp_path, "RS256")
    head = unsigned({"alg": "HS256", "typ": "JWT"}, CLAIMS).rstrip(".")
    digest = hmac.digest(public_pem(private_key("RS256")), head.encode(), hashlib.sha256)
    forged = f"{head}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"
    assert refusal(named, options, forged) == "unauthorized"


def test_a_key_is_not_used_with_an_algorithm_of_another_kind(tmp_path: Path) -> None:
    options = public(tmp_path, "RS256")
    assert refusal(named, options, token("ann", algorithm="ES256")) == "unauthorized"


def test_a_key_that_a_token_brings_itself_is_not_used(tmp_path: Path) -> None:
    options = public(tmp_path, "ES256")
    own = jwk(private_key("ES256", 1), "ES256")
    forged = token("ann", algorithm="ES256", key=private_key("ES256", 1), headers={"jwk": own})
    assert refusal(named, options, forged) == "unauthorized"


# Several issuers


@pytest.fixture
def two(tmp_path: Path) -> Options:
    """Two issuers whose keys have the same ID, and are not the same."""
    (tmp_path / "a").write_bytes(jwks(jwk(private_key("ES256", 1), "ES256", "key")))
    (tmp_path / "b").write_bytes(jwks(jwk(private_key("ES256", 2), "ES256", "key")))
    return Options(jwks=(str(tmp_path / "a"), str(tmp_path / "b")), issuer=("A", "B"))


def of(issuer: str | None, number: int) -> str:
    key = private_key("ES256", number)
    return token("ann", algorithm="ES256", key=key, kid="key", iss=issuer)


@pytest.mark.parametrize(("issuer", "number"), [("A", 1), ("B", 2)])
def test_each_issuer_has_its_own_keys(two: Options, issuer: str, number: int) -> None:
    assert named(two, of(issuer, number)).client_id == "ann"


@pytest.mark.parametrize(("issuer", "number"), [("A", 2), ("B", 1), ("C", 1), (None, 1)])
def test_no_issuer_signs_for_another_by_a_key_with_the_same_id(
    two: Options, issuer: str | None, number: int
) -> None:
    assert refusal(named, two, of(issuer, number)) == "unauthorized"


def test_an_issuer_that_is_no_name_is_refused(two: Options) -> None:
    signed = jwt.PyJWS().encode(
        json.dumps({**CLAIMS, "iss": ["A"]}).encode(), private_key("ES256", 1), "ES256"
    )
    assert refusal(named, two, signed) == "unauthorized"


# Options


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"secret": ""}, "auth_secret is empty"),
        ({"secret_file": ""}, "auth_secret_file is empty"),
        ({"public_key_file": " "}, "auth_public_key_file is empty"),
        ({"jwks": ()}, "auth_jwks is empty"),
        ({"secret": SECRET, "audience": ()}, "auth_audience is empty"),
        ({"secret": SECRET, "secret_file": "x"}, "auth_secret and auth_secret_file exclude"),
        ({"secret": SECRET, "jwks": ("x",)}, "auth_secret and auth_jwks exclude"),
        ({"public_key_file": "x", "jwks": ("x",)}, "exclude each other"),
        ({"secret": SECRET, "algorithms": ("none",)}, "'none' is none of HS256"),
        ({"secret": SECRET, "algorithms": ("hs256",)}, "'hs256' is none"),
        ({"secret": SECRET, "algorithms": ("ES256K",)}, "'ES256K' is none"),
        ({"secret": SECRET, "algorithms": ("HS256", "RS256")}, "RS256 needs a public key"),
        ({"public_key_file": "x", "algorithms": ("RS256", "HS256")}, "HS256 needs a secret"),
        ({"jwks": ("x",), "algorithms": ("HS256",)}, "HS256 needs a secret"),
        ({"algorithms": ("HS256",)}, "auth_algorithms is of no use without a key"),
        ({"issuer": ("A",)}, "auth_issuer is of no use without a key"),
        ({"audience": ("us",)}, "auth_audience is of no use without a key"),
        ({"anonymous": False}, "nobody can connect"),
        ({"secret": SECRET, "issuer": ("A", "B")}, "several need keys of their own"),
        ({"jwks": ("x", "y"), "issuer": ("A", "A")}, "names one twice"),
        ({"jwks": ("x", "y"), "issuer": ("A",)}, "one for each of auth_issuer"),
        ({"jwks": ("x", "y")}, "one for each of auth_issuer"),
        ({"jwks": ("x",), "issuer": ("A", "B")}, "one for each of auth_issuer"),
        ({"jwks": ("https://example.org/keys",)}, "a URL needs auth_issuer"),
        ({"jwks": ("http://example.org/keys",), "issuer": ("A",)}, "neither https nor on this"),
        ({"jwks": ("https://a:b@example.org/",), "issuer": ("A",)}, "password"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Options(**options)


def test_a_secret_is_not_shown() -> None:
    assert SECRET not in repr(SHARED)


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_a_secret_may_stand_in_a_file(tmp_path: Path, ending: str) -> None:
    (tmp_path / "secret").write_bytes((SECRET + ending).encode())
    assert named(Options(secret_file=str(tmp_path / "secret")), token("ann")).client_id == "ann"


NEW_SECRET = "another secret, which an operator has put in place of the first one"


@pytest.mark.parametrize(
    ("option", "algorithm", "before", "after", "key"),
    [
        ("secret_file", "HS256", SECRET.encode(), NEW_SECRET.encode(), NEW_SECRET),
        (
            "public_key_file",
            "ES256",
            public_pem(private_key("ES256")),
            public_pem(private_key("ES256", 1)),
            private_key("ES256", 1),
        ),
    ],
)
def test_a_key_that_was_put_in_place_of_another_holds_from_then_on(
    tmp_path: Path, option: str, algorithm: str, before: bytes, after: bytes, key: Any
) -> None:
    file = tmp_path / "file"
    file.write_bytes(before)
    options: dict[str, Any] = {option: str(file)}
    verifier = auth.identify(Options(**options))
    (tmp_path / "new").write_bytes(after)
    os.replace(tmp_path / "new", file)
    signed = token("ann", algorithm=algorithm, key=key)
    assert named_by(verifier, signed).client_id == "ann"
    assert refusal(named_by, verifier, token("ann", algorithm=algorithm)) == "unauthorized"


def test_a_key_that_comes_with_the_time_of_the_former_one_holds_from_then_on(
    tmp_path: Path,
) -> None:
    file = tmp_path / "file"
    file.write_text("x" * len(SECRET))
    verifier = auth.identify(Options(secret_file=str(file)))
    before = file.stat()
    file.write_text(SECRET)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert named_by(verifier, token("ann")).client_id == "ann"


def test_a_pipe_is_read_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    issuer = threading.Thread(target=pipe.write_text, args=(SECRET,))
    issuer.start()
    verifier = auth.identify(Options(secret_file=str(pipe)))
    issuer.join()
    os.utime(pipe)
    assert named_by(verifier, token("ann")).client_id == "ann"


@pytest.mark.parametrize("text", [b"", b"half a k", None])
def test_while_a_file_cannot_be_used_the_former_key_is(
    tmp_path: Path, text: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "file"
    file.write_text(SECRET)
    verifier = auth.identify(Options(secret_file=str(file)))
    file.unlink() if text is None else file.write_bytes(text)
    found = [named_by(verifier, token("ann")).client_id for _ in range(3)]
    assert (found, caplog.text.count("cannot be used")) == (["ann"] * 3, 1)


@pytest.mark.parametrize(
    ("option", "content", "said"),
    [
        ("secret_file", None, "No such file"),
        ("secret_file", b"short", "5 bytes, and HS256 needs 32"),
        ("public_key_file", None, "No such file"),
        ("public_key_file", private_pem(private_key("ES256")), "it is a private key"),
        ("public_key_file", public_pem(private_key("ES384")), "it is a key for ES384"),
        ("public_key_file", b"x" * (keys.MAX_BYTES + 1), "more than"),
    ],
)
def test_a_file_without_a_key_is_said_by_its_name(
    tmp_path: Path, option: str, content: bytes | None, said: str
) -> None:
    if content is not None:
        (tmp_path / "file").write_bytes(content)
    options: dict[str, Any] = {option: str(tmp_path / "file")}
    with pytest.raises(CannotUseKeys, match=f"Cannot use the key in .*{said}"):
        auth.identify(Options(**options))


def test_a_secret_that_is_too_short_is_not_repeated() -> None:
    with pytest.raises(CannotUseKeys) as caught:
        auth.identify(Options(secret="hunter2"))
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("signed", [token("ann"), token("ann", key="x" * 64), "x.y.z"])
def test_nothing_of_a_token_is_logged(caplog: pytest.LogCaptureFixture, signed: str) -> None:
    caplog.set_level(logging.DEBUG)
    with contextlib.suppress(Unidentified):
        named(SHARED, signed)
    assert not any(part in caplog.text for part in ("ann", *signed.split(".")) if len(part) > 1)


OURS = Options(secret=SECRET, issuer=("us",), audience=("duologue",))


@pytest.mark.parametrize(
    ("options", "signed", "why"),
    [
        (SHARED, token("ann", key="x" * 64), "another key has signed it"),
        (SHARED, token("ann", algorithm="HS512"), "its algorithm is none of auth_algorithms"),
        (SHARED, token("ann", ttl=None), "it has no exp"),
        (SHARED, token("ann", exp="soon"), "its exp or nbf is no time in seconds"),
        (SHARED, token("ann", aud="us"), "it has an aud, and there is no auth_audience"),
        (OURS, token("ann", iss="us", aud="others"), "its aud is none of auth_audience"),
        (OURS, token("ann", iss="us"), "it has no aud"),
        (OURS, token("ann", iss="them", aud="duologue"), "its iss is none of auth_issuer"),
        (SHARED, "x.y.z", "it is not a signed token"),
        (SHARED, 7, "it is not a signed token"),
    ],
)
def test_why_a_token_is_not_valid_is_logged(
    caplog: pytest.LogCaptureFixture, options: Options, signed: object, why: str
) -> None:
    caplog.set_level(logging.INFO)
    refusal(named, options, signed)
    assert caplog.messages == [f"a token is not valid: {why}"]


def test_that_no_key_is_known_for_a_token_is_logged(
    caplog: pytest.LogCaptureFixture, two: Options
) -> None:
    caplog.set_level(logging.INFO)
    signed = token("ann", algorithm="ES256", kid="another", iss="A")
    refusal(named, two, signed)
    assert caplog.messages == [
        "a token is not valid: no key is known that it names, or that is for its algorithm"
    ]


def _is_an_identify(verifier: auth.JwtVerifier) -> Callable[[Session, dict[str, Any]], Any]:
    return verifier
