from __future__ import annotations

from typing import Any

import pytest

from duologue import keys
from duologue.auth_options import PUBLIC, SHARED, CannotUseKeys
from duologue.keys import NoKey, OneKey
from tests.support import tokens
from tests.support.tokens import jwk, jwks, private_key, private_pem, public_pem

ALL = PUBLIC


@pytest.mark.parametrize(("algorithm", "least"), SHARED.items())
def test_a_secret_as_long_as_its_digest_is_taken(algorithm: str, least: int) -> None:
    assert keys.secret(b"x" * least, [algorithm]).algorithms == {algorithm}


@pytest.mark.parametrize(("algorithm", "least"), SHARED.items())
def test_a_secret_of_one_byte_less_is_refused(algorithm: str, least: int) -> None:
    with pytest.raises(CannotUseKeys, match=f"{least} at least"):
        keys.secret(b"x" * (least - 1), [algorithm])


def test_the_secret_of_several_algorithms_is_long_enough_for_each() -> None:
    with pytest.raises(CannotUseKeys):
        keys.secret(b"x" * 32, ["HS256", "HS512"])


def test_a_public_key_is_no_secret() -> None:
    with pytest.raises(CannotUseKeys, match="public key"):
        keys.secret(public_pem(private_key("RS256")), ["HS256"])


@pytest.mark.parametrize(
    ("algorithm", "fits"),
    [
        ("RS256", {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}),
        ("ES256", {"ES256"}),
        ("ES384", {"ES384"}),
        ("ES512", {"ES512"}),
        ("EdDSA", {"EdDSA"}),
    ],
)
def test_a_public_key_is_for_the_algorithms_of_its_kind(algorithm: str, fits: set[str]) -> None:
    assert keys.public_key(public_pem(private_key(algorithm)), ALL).algorithms == fits


def test_a_key_is_only_for_algorithms_that_are_asked_for() -> None:
    key = keys.public_key(public_pem(private_key("RS256")), ["RS384", "ES256"])
    assert key.algorithms == {"RS384"}


def test_the_other_curve_of_edwards_is_taken_too() -> None:
    assert keys.public_key(public_pem(tokens.ed448_key()), ALL).algorithms == {"EdDSA"}


@pytest.mark.parametrize(
    ("pem", "why"),
    [
        (private_pem(private_key("ES256")), "private key"),
        (public_pem(tokens.small_rsa_key()), "neither RSA of at least 2048 bits"),
        (b"-----BEGIN CERTIFICATE-----\n", "it is a certificate; 'openssl x509"),
        (public_pem(private_key("ES384")), "it is a key for ES384"),
        (b"", "not a public key"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "not a public key"),
    ],
)
def test_what_is_no_public_key_for_these_algorithms_is_refused(pem: bytes, why: str) -> None:
    with pytest.raises(CannotUseKeys, match=why):
        keys.public_key(pem, ["RS256", "ES256"])


def test_a_single_key_is_for_its_algorithms_alone() -> None:
    key = keys.public_key(public_pem(private_key("ES256")), ALL)
    source = OneKey(lambda: key)
    with pytest.raises(NoKey):
        source.find(None, "RS256", 0.0)


# Sets

RSA, EC = private_key("RS256"), private_key("ES256")


def found(data: bytes, id: str | None, algorithm: str) -> Any:
    return keys.key_set(data, ALL).find(id, algorithm)


def test_a_key_is_found_by_its_id() -> None:
    data = jwks(jwk(RSA, "RS256", "one"), jwk(EC, "ES256", "two"))
    assert found(data, "two", "ES256").id == "two"


def test_an_id_that_no_key_has_is_not_found() -> None:
    assert found(jwks(jwk(RSA, "RS256", "one")), "two", "RS256") is None


def test_a_key_is_not_found_for_an_algorithm_of_another_kind() -> None:
    with pytest.raises(NoKey):
        found(jwks(jwk(RSA, "RS256", "one")), "one", "ES256")


def test_two_keys_of_different_kinds_may_have_one_id() -> None:
    data = jwks(jwk(RSA, "RS256", "one"), jwk(EC, "ES256", "one"))
    assert found(data, "one", "ES256").algorithms == {"ES256"}


def test_a_token_without_an_id_may_be_of_the_only_key_for_its_algorithm() -> None:
    data = jwks(jwk(RSA, "RS256", "one"), jwk(EC, "ES256", "two"))
    assert found(data, None, "ES256").id == "two"


def test_a_token_without_an_id_is_of_no_key_where_several_could_be_meant() -> None:
    data = jwks(jwk(EC, "ES256", "one"), jwk(private_key("ES256", 1), "ES256", "two"))
    with pytest.raises(NoKey):
        found(data, None, "ES256")


def test_a_key_that_says_its_algorithm_is_for_that_alone() -> None:
    key = found(jwks(jwk(RSA, "RS256", "one", alg="PS256")), "one", "PS256")
    assert key.algorithms == {"PS256"}


GOOD = jwk(EC, "ES256", "good")


BAD: dict[str, dict[str, Any]] = {
    "a secret": {"kty": "oct", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0", "kid": "bad"},
    "a private key": jwk(RSA, "RS256", "bad") | {"d": "AQAB"},
    "to encrypt by its use": jwk(RSA, "RS256", "bad", use="enc"),
    "to encrypt by its operations": jwk(RSA, "RS256", "bad", key_ops=["encrypt"]),
    "operations that are none": jwk(RSA, "RS256", "bad", key_ops=7),
    "no algorithm": jwk(RSA, "RS256", "bad", alg="none"),
    "a list of algorithms": jwk(RSA, "RS256", "bad", alg=["RS256"]),
    "an algorithm of another kind": jwk(RSA, "RS256", "bad", alg="HS256"),
    "too small": jwk(tokens.small_rsa_key(), "RS256", "bad"),
    "too long an ID": jwk(RSA, "RS256", "x" * 257),
    "an ID that is no string": jwk(RSA, "RS256") | {"kid": 7},
    "RSA without numbers": {"kty": "RSA", "kid": "bad"},
    "no point of its curve": {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "kid": "bad"},
    "another curve": GOOD | {"crv": "secp256k1", "kid": "bad"},
    "a curve that is none": {"kty": "EC", "crv": 7, "kid": "bad"},
    "a curve for agreements": {"kty": "OKP", "crv": "X25519", "x": GOOD["x"], "kid": "bad"},
    "no curve": {"kty": "OKP", "kid": "bad"},
    "a list of kinds": {"kty": ["RSA"], "kid": "bad"},
    "no kind": {"kid": "bad"},
    "nothing": {},
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_a_key_that_cannot_be_used_is_left_out(bad: dict[str, Any]) -> None:
    assert [key.id for key in keys.key_set(jwks(bad, GOOD), ALL)] == ["good"]


def test_a_key_id_of_most_characters_is_taken() -> None:
    assert found(jwks(jwk(EC, "ES256", "x" * 256)), "x" * 256, "ES256")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b'{"keys":7}',
        b'{"keys":[7]}',
        b'{"keys":[]}',
        b"\xff",
        b'{"keys":' + b"[" * 100_000,
        jwks({"kty": "oct", "k": "c2VjcmV0"}),
    ],
)
def test_what_is_no_set_of_keys_is_refused(data: bytes) -> None:
    with pytest.raises(CannotUseKeys):
        keys.key_set(data, ALL)


def padded(size: int) -> bytes:
    data = jwks(GOOD)
    return data + b" " * (size - len(data))


def test_a_set_of_most_bytes_is_taken() -> None:
    assert len(list(keys.key_set(padded(keys.MAX_BYTES), ALL))) == 1


def test_a_set_of_one_byte_more_is_refused() -> None:
    with pytest.raises(CannotUseKeys, match="bytes"):
        keys.key_set(padded(keys.MAX_BYTES + 1), ALL)


def many(number: int) -> bytes:
    return jwks(*(jwk(EC, "ES256", str(each)) for each in range(number)))


def test_as_many_keys_as_a_set_may_have_are_taken() -> None:
    assert len(list(keys.key_set(many(100), ALL))) == 100


def test_one_key_more_is_refused() -> None:
    with pytest.raises(CannotUseKeys, match="100 keys"):
        keys.key_set(many(101), ALL)
