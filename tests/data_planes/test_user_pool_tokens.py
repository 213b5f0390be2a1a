"""Only ID and access tokens that a user pool could have issued open the local APIs; no token causes an error."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

import aiohttp
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.hashes import SHA256

from local.data_planes.appsync.cognito_tokens import token_claims
from local.data_planes.appsync.deployed_api import AuthMode, Provider
from local.data_planes.appsync.errors import RequestError
from local.data_planes.deployed_state import Unreadable
from local.data_planes.http_api import jwt_authorizer
from local.data_planes.http_api.deployed_api import Authorizer
from local.data_planes.user_pool_tokens import UserPoolTokens
from tests.appsync_stand import CLIENT, POOL, POOL_KEY, REGION, Aws
from tests.served import served

ISSUER = f"https://cognito-idp.{REGION}.amazonaws.com/{POOL}"
PROVIDER = Provider(mode=AuthMode.COGNITO, user_pool_id=POOL, user_pool_region=REGION, app_client_pattern=CLIENT)
EARLIER, LATER = 946684800, 4102444800  # the years 2000 and 2100
CLAIMS: dict[str, Any] = {
    "sub": "user-1",
    "iss": ISSUER,
    "token_use": "access",
    "client_id": CLIENT,
    "username": "demo",
    "exp": LATER,
    "iat": EARLIER,
}
ID_TOKEN = CLAIMS | {"token_use": "id", "aud": CLIENT}
OMIT: Any = object()


def segment(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def token(claims: Any, *, alg: Any = "RS256", kid: Any = "key-1", **header: Any) -> str:
    """Return a token with exactly these parts, signed as RS256 whatever its header says."""
    described = {"alg": alg, "kid": kid, **header}
    head = json.dumps({name: value for name, value in described.items() if value is not OMIT})
    payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    signed = f"{segment(head.encode())}.{segment(payload)}"
    return f"{signed}.{segment(POOL_KEY.sign(signed.encode(), padding.PKCS1v15(), SHA256()))}"


def signed_with_the_public_key() -> str:
    """Return an HS256 token whose secret is the public key, which everybody knows."""
    secret = POOL_KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    signed = token(CLAIMS, alg="HS256").rpartition(".")[0]
    return f"{signed}.{segment(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in CLAIMS.items() if key != name}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with served(Aws().app(), ws="none") as endpoint:
        yield endpoint


def opens(endpoint: str, authorization: str) -> tuple[bool, bool]:
    """Return whether the token opens the GraphQL API, and the HTTP API."""

    async def run() -> tuple[bool, bool]:
        async with aiohttp.ClientSession() as http:
            tokens = UserPoolTokens(http, endpoint, True)
            graphql = http_api = True
            try:
                await token_claims(authorization, [PROVIDER], tokens)
            except RequestError as refused:
                assert (refused.status, refused.error_type) == (401, "UnauthorizedException")
                graphql = False
            try:
                await jwt_authorizer.claims(authorization, Authorizer(ISSUER, frozenset([CLIENT])), tokens)
            except jwt_authorizer.Unauthorized as refused:
                assert refused.challenge.startswith("Bearer")
                http_api = False
            return graphql, http_api

    return asyncio.run(run())


@pytest.mark.parametrize("claims", [CLAIMS, ID_TOKEN, CLAIMS | {"cognito:groups": ["admins"]}])
def test_id_and_access_tokens_open_both_apis(endpoint: str, claims: dict[str, Any]) -> None:
    assert opens(endpoint, f"Bearer {token(claims)}") == (True, True)


@pytest.mark.parametrize(
    "wrong",
    [
        {"token_use": "refresh"},
        {"token_use": "refresh", "aud": CLIENT},
        {"token_use": "custom"},
        {"token_use": ["access"]},
        {"token_use": {}},
        {"token_use": None},
        {"client_id": "another client"},
        {"client_id": 5},
        {"client_id": [CLIENT]},
        {"aud": [CLIENT]},
        {"aud": [{}]},
        {"aud": {}},
        {"token_use": "id", "aud": "another client"},
        {"exp": EARLIER},
        {"exp": None},
        {"exp": "soon"},
        {"exp": []},
        {"exp": True},
        {"exp": {}},
        {"nbf": LATER},
        {"nbf": []},
        {"iat": {}},
        {"iss": "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Another"},
        {"iss": {}},
        {"iss": [ISSUER]},
        {"sub": {}},
        {"sub": 5},
        {"username": ["demo"]},
        {"cognito:username": 5},
        {"cognito:groups": 5},
        {"cognito:groups": "admins"},
        {"cognito:groups": {"admins": 1}},
        {"cognito:groups": [["admins"]]},
        {"cognito:groups": [None]},
    ],
    ids=str,
)
def test_signed_token_with_wrong_claims_opens_neither_api(endpoint: str, wrong: dict[str, Any]) -> None:
    assert opens(endpoint, token(CLAIMS | wrong)) == (False, False)


REFUSED = {
    "no exp": token(without("exp")),
    "no iss": token(without("iss")),
    "no token_use": token(without("token_use")),
    "no client_id": token(without("client_id")),
    "list": token([]),
    "text": token("text"),
    "not UTF-8": token(b"\xff"),
    "deep": token(b"[" * 3_000),
    "Infinity": token(json.dumps(CLAIMS).replace(str(LATER), "Infinity").encode()),
    "1e999": token(json.dumps(CLAIMS).replace(str(LATER), "1e999").encode()),
    "5,000 digits": token(json.dumps(CLAIMS).replace(str(LATER), "9" * 5_000).encode()),
    "none with a signature": token(CLAIMS, alg="none"),
    "none": token(CLAIMS, alg="none").rpartition(".")[0] + ".",
    "PS256": token(CLAIMS, alg="PS256"),
    "ES256": token(CLAIMS, alg="ES256"),
    "alg null": token(CLAIMS, alg=None),
    "alg list": token(CLAIMS, alg=["RS256"]),
    "alg object": token(CLAIMS, alg={}),
    "no alg": token(CLAIMS, alg=OMIT),
    "HS256": signed_with_the_public_key(),
    "kid unknown": token(CLAIMS, kid="another key"),
    "kid a path": token(CLAIMS, kid="../../../../etc/passwd"),
    "kid 5": token(CLAIMS, kid=5),
    "kid list": token(CLAIMS, kid=["key-1"]),
    "kid null": token(CLAIMS, kid=None),
    "no kid": token(CLAIMS, kid=OMIT),
    "own key": token(CLAIMS, kid=OMIT, jwk=jwt.algorithms.RSAAlgorithm.to_jwk(POOL_KEY.public_key(), as_dict=True)),
    "crit": token(CLAIMS, crit=["exp"]),
    "b64": token(CLAIMS, b64=False),
    "longer signature": token(CLAIMS) + "A",
    "zero signature": token(CLAIMS).rpartition(".")[0] + "." + segment(b"\0" * 256),
    "no token": "Bearer",
    "dots": "..",
    "not ASCII": "é.é.é",
    "zeros": "\0.\0.\0",
}


@pytest.mark.parametrize("refused", list(REFUSED.values()), ids=list(REFUSED))
def test_token_that_the_pool_cannot_have_issued_opens_neither_api(endpoint: str, refused: str) -> None:
    assert opens(endpoint, refused) == (False, False)


def test_keys_that_cannot_be_fetched_are_unreadable() -> None:
    async def run() -> None:
        async with aiohttp.ClientSession() as http:
            tokens = UserPoolTokens(http, "http://127.0.0.1:1", True)
            await tokens.claims(token(CLAIMS), ISSUER, algorithms=["RS256"], required=[])

    with pytest.raises(Unreadable, match=f"the public keys of the user pool {POOL}"):
        asyncio.run(run())
