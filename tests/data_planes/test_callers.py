"""Which callers are accepted, which are refused, and the identity that resolvers receive."""

import datetime
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Collection, Iterator
from typing import Any

import httpx
import jwt
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.utils import base64url_encode

from local.data_planes.appsync.callers import FindCredential
from local.data_planes.appsync.request_signature import Credential
from tests.appsync_stand import (
    ACCESS_KEY,
    API_KEY,
    CLIENT,
    COGNITO,
    EXPIRED_KEY,
    POOL,
    REGION,
    SECRET_KEY,
    Aws,
    data_plane,
)

NO_HEADER = "Valid authorization header not provided."
NOT_AUTHORIZED = "You are not authorized to make this call."
QUERY = {"query": '{ getUrl(name: "a") }'}


@pytest.fixture
def aws() -> Aws:
    return Aws(function=lambda _event: "opened")


@pytest.fixture
def client(aws: Aws) -> Iterator[httpx.Client]:
    with data_plane(aws) as url, httpx.Client(base_url=url, timeout=30) as client:
        yield client


def send(client: httpx.Client, **headers: str) -> httpx.Response:
    return client.post("/graphql", json=QUERY, headers={name.replace("_", "-"): text for name, text in headers.items()})


def outcome(response: httpx.Response) -> tuple[int, str, str]:
    [error] = response.json()["errors"]
    assert response.headers["x-amzn-errortype"] == error["errorType"]
    return response.status_code, error["errorType"], error["message"]


# API keys


def test_api_key_is_accepted_and_has_no_identity(client: httpx.Client, aws: Aws) -> None:
    assert send(client, x_api_key=API_KEY).json() == {"data": {"getUrl": "opened"}}
    assert aws.events[0]["identity"] is None


@pytest.mark.parametrize("key", ["", "da2-other", EXPIRED_KEY])
def test_wrong_or_expired_api_key_is_refused(client: httpx.Client, key: str) -> None:
    assert outcome(send(client, x_api_key=key)) == (401, "UnauthorizedException", NOT_AUTHORIZED)


def test_missing_api_key_is_refused(client: httpx.Client, aws: Aws) -> None:
    aws.api = {"authenticationType": "API_KEY"}
    assert outcome(send(client)) == (401, "UnauthorizedException", NOT_AUTHORIZED)


def test_api_key_is_refused_if_the_mode_is_off(client: httpx.Client, aws: Aws) -> None:
    aws.api = COGNITO
    assert outcome(send(client, x_api_key=API_KEY)) == (401, "UnauthorizedException", NO_HEADER)


# Cognito


@pytest.mark.parametrize("prefix", ["", "Bearer ", "bearer "])
@pytest.mark.parametrize(
    "claims", [{}, {"token_use": "id", "aud": CLIENT, "client_id": None, "username": None, "cognito:username": "demo"}]
)
def test_access_and_id_tokens_are_accepted_with_and_without_bearer(
    client: httpx.Client, aws: Aws, prefix: str, claims: dict[str, Any]
) -> None:
    token = aws.token(**claims)
    assert send(client, authorization=prefix + token).json() == {"data": {"getUrl": "opened"}}
    identity = aws.events[0]["identity"]
    assert identity == {
        "sub": "user-1",
        "issuer": f"https://cognito-idp.{REGION}.amazonaws.com/{POOL}",
        "username": "demo",
        "claims": jwt.decode(token, options={"verify_signature": False}),
        "sourceIp": ["127.0.0.1"],
        "defaultAuthStrategy": "ALLOW",
        "groups": None,
    }


def test_groups_are_part_of_the_identity(client: httpx.Client, aws: Aws) -> None:
    send(client, authorization=aws.token(groups=["admins"]))
    assert aws.events[0]["identity"]["groups"] == ["admins"]


@pytest.mark.parametrize("authorization", ["nonsense", "Bearer", "Bearer nonsense", "a.b"])
def test_malformed_token_is_refused(client: httpx.Client, authorization: str) -> None:
    assert outcome(send(client, authorization=authorization)) == (401, "UnauthorizedException", NO_HEADER)


def test_request_without_a_token_is_refused(client: httpx.Client) -> None:
    assert outcome(send(client)) == (401, "UnauthorizedException", NO_HEADER)


def test_token_that_cannot_be_parsed_is_refused(client: httpx.Client) -> None:
    refused = (401, "UnauthorizedException", "Unable to parse JWT token.")
    assert outcome(send(client, authorization="a.b.c")) == refused


def test_expired_token_is_refused(client: httpx.Client, aws: Aws) -> None:
    token = aws.token(exp=int(time.time()) - 3600)
    assert outcome(send(client, authorization=token)) == (401, "UnauthorizedException", "Token has expired.")


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": f"https://cognito-idp.{REGION}.amazonaws.com/{REGION}_Other"},
        {"iss": "https://elsewhere.example"},
        {"iss": None},
        {"exp": None},
        {"sub": None},
        {"token_use": None},
        {"token_use": "refresh"},
        {"client_id": None},
    ],
)
def test_token_without_the_right_claims_is_refused(client: httpx.Client, aws: Aws, claims: dict[str, Any]) -> None:
    assert outcome(send(client, authorization=aws.token(**claims))) == (401, "UnauthorizedException", NOT_AUTHORIZED)


def test_token_signed_by_another_key_is_refused(client: httpx.Client, aws: Aws) -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert outcome(send(client, authorization=aws.token(key=other)))[2] == NOT_AUTHORIZED


def unsafe_token(header: dict[str, Any], claims: dict[str, Any], sign: Callable[[bytes], bytes]) -> str:
    signed = b".".join(base64url_encode(json.dumps(part).encode()) for part in (header, claims))
    return (signed + b"." + base64url_encode(sign(signed))).decode()


def test_changed_token_is_refused(client: httpx.Client, aws: Aws) -> None:
    head, _, signature = aws.token().split(".")
    changed = aws.token(sub="other").split(".")[1]
    assert outcome(send(client, authorization=f"{head}.{changed}.{signature}"))[2] == NOT_AUTHORIZED


def test_other_algorithms_are_refused(client: httpx.Client, aws: Aws) -> None:
    claims = jwt.decode(aws.token(), options={"verify_signature": False})
    key = aws.keys["key-1"]
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    for token in (
        unsafe_token({"alg": "none", "kid": "key-1"}, claims, lambda _text: b""),
        # Algorithm confusion: the public key used as a shared secret.
        unsafe_token({"alg": "HS256", "kid": "key-1"}, claims, lambda text: hmac.digest(public, text, "sha256")),
        jwt.encode(claims, key, algorithm="RS512", headers={"kid": "key-1"}),
    ):
        assert outcome(send(client, authorization=token))[2] == NOT_AUTHORIZED


def test_app_client_must_match_the_pattern_of_the_api(client: httpx.Client, aws: Aws) -> None:
    aws.api["userPoolConfig"] = {**aws.api["userPoolConfig"], "appIdClientRegex": "app-client-[12]"}
    assert send(client, authorization=aws.token()).status_code == 200
    assert outcome(send(client, authorization=aws.token(client_id="app-client-3")))[2] == NOT_AUTHORIZED
    assert outcome(send(client, authorization=aws.token(client_id="an-app-client-1")))[2] == NOT_AUTHORIZED


def test_signing_keys_are_fetched_once(client: httpx.Client, aws: Aws) -> None:
    for _ in range(5):
        send(client, authorization=aws.token())
    assert aws.jwks_fetches == 1


def test_unknown_key_ids_do_not_cause_a_fetch_each(client: httpx.Client, aws: Aws) -> None:
    for number in range(5):
        made_up = aws.token(key_id=f"made-up-{number}", key=aws.keys["key-1"])
        assert outcome(send(client, authorization=made_up))[2] == NOT_AUTHORIZED
    assert aws.jwks_fetches == 1


def test_new_signing_key_of_the_pool_is_fetched(
    client: httpx.Client, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("local.data_planes.user_pool_tokens.REFETCH_AFTER", 0.0)
    send(client, authorization=aws.token())
    aws.keys["key-2"] = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert send(client, authorization=aws.token(key_id="key-2")).status_code == 200


# IAM


def signed(
    client: httpx.Client,
    *,
    key: str = ACCESS_KEY,
    secret: str = SECRET_KEY,
    token: str | None = None,
    region: str = REGION,
    service: str = "appsync",
    headers: dict[str, str] | None = None,
    body: bytes = json.dumps(QUERY).encode(),
) -> dict[str, str]:
    request = AWSRequest(
        "POST",
        str(client.base_url.join("/graphql")),
        data=body,
        headers={"content-type": "application/json", **(headers or {})},
    )
    SigV4Auth(Credentials(key, secret, token), service, region).add_auth(request)
    return dict(request.headers.items())


def found(secret: str = SECRET_KEY, *denied: tuple[str, str]) -> FindCredential:
    """Find one credential, whatever the access key id; its policies deny these fields."""

    async def find(_key: str, token: str, fields: Collection[tuple[str, str]]) -> Credential:
        assert ("Query", "getUrl") in fields
        arn = "arn:aws:sts::000000000000:assumed-role/Publisher/a-session"
        return Credential(secret_access_key=secret, user_arn=arn, session_token=token or None, denied=frozenset(denied))

    return find


@pytest.mark.parametrize("token", [None, "a-session-token"])
def test_iam_user_or_role_of_the_emulator_is_found_and_passed_on(aws: Aws, token: str | None) -> None:
    with data_plane(aws, find_credential=found()) as url, httpx.Client(base_url=url, timeout=30) as client:
        response = post_signed(client, signed(client, key="ASIAEXAMPLE", token=token))
    assert response.json() == {"data": {"getUrl": "opened"}}
    identity = aws.events[0]["identity"]
    assert identity["userArn"] == "arn:aws:sts::000000000000:assumed-role/Publisher/a-session"
    assert (identity["accountId"], identity["username"]) == ("000000000000", "a-session")


def test_field_that_the_caller_s_policies_deny_is_refused_and_others_are_not(aws: Aws) -> None:
    find = found(SECRET_KEY, ("Query", "getUrl"))
    with data_plane(aws, find_credential=find) as url, httpx.Client(base_url=url, timeout=30) as client:
        response = post_signed(client, signed(client, key="AKIAEXAMPLE")).json()
    assert response["data"] == {"getUrl": None}
    [error] = response["errors"]
    assert (error["errorType"], error["message"]) == ("Unauthorized", "Not Authorized to access getUrl on type Query")
    assert aws.events == []


def test_signature_with_another_secret_than_the_one_found_is_refused(aws: Aws) -> None:
    with data_plane(aws, find_credential=found("other")) as url, httpx.Client(base_url=url, timeout=30) as client:
        assert outcome(post_signed(client, signed(client, key="AKIAEXAMPLE")))[:2] == (403, "InvalidSignatureException")


def post_signed(
    client: httpx.Client, headers: dict[str, str], body: bytes = json.dumps(QUERY).encode()
) -> httpx.Response:
    return client.post("/graphql", content=body, headers=headers)


@pytest.mark.parametrize(
    ("origin", "status"),
    [("https://elsewhere.example", 403), ("null", 403), ("http://localhost:5173", 200), ("http://127.0.0.1:4567", 200)],
)
def test_page_of_another_origin_cannot_sign_with_the_public_root_key(
    client: httpx.Client, origin: str, status: int
) -> None:
    assert post_signed(client, signed(client) | {"origin": origin}).status_code == status


def test_signed_request_is_accepted_with_the_identity_of_its_signer(client: httpx.Client, aws: Aws) -> None:
    assert post_signed(client, signed(client)).json() == {"data": {"getUrl": "opened"}}
    assert aws.events[0]["identity"] == {
        "accountId": "000000000000",
        "cognitoIdentityPoolId": None,
        "cognitoIdentityId": None,
        "sourceIp": ["127.0.0.1"],
        "username": "machine",
        "userArn": "arn:aws:iam::000000000000:user/machine",
        "cognitoIdentityAuthType": None,
        "cognitoIdentityAuthProvider": None,
    }


def test_host_may_be_signed_without_its_port(client: httpx.Client) -> None:
    headers = signed(client, headers={"host": "127.0.0.1"})
    assert post_signed(client, headers).status_code == 200
    del headers["host"]
    assert post_signed(client, headers).status_code == 200


def test_signature_for_another_host_is_refused(client: httpx.Client) -> None:
    headers = signed(client, headers={"host": "elsewhere.example"})
    del headers["host"]
    assert outcome(post_signed(client, headers))[:2] == (403, "InvalidSignatureException")


def test_unknown_access_key_is_refused(client: httpx.Client) -> None:
    assert outcome(post_signed(client, signed(client, key="AKIDOTHER"))) == (
        403,
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
    )


def test_session_token_of_another_credential_is_refused(client: httpx.Client) -> None:
    headers = signed(client, token="a-token")
    assert outcome(post_signed(client, headers))[1] == "UnrecognizedClientException"


@pytest.mark.parametrize("wrong", [{"secret": "other"}, {"region": "us-east-1"}, {"service": "execute-api"}])
def test_wrong_secret_region_or_service_is_refused(client: httpx.Client, wrong: dict[str, str]) -> None:
    refused = outcome(post_signed(client, signed(client, **wrong)))  # type: ignore[arg-type]  # strings, all of them
    assert refused[:2] == (403, "InvalidSignatureException")


def test_signature_of_another_body_is_refused(client: httpx.Client) -> None:
    other = json.dumps({"query": "{ names }"}).encode()
    assert outcome(post_signed(client, signed(client), other))[1] == "InvalidSignatureException"


def test_signed_hash_of_another_body_is_refused(client: httpx.Client) -> None:
    own = hashlib.sha256(json.dumps(QUERY).encode()).hexdigest()
    headers = signed(client, headers={"x-amz-content-sha256": own})
    assert post_signed(client, headers).status_code == 200
    assert outcome(post_signed(client, headers, b'{"query": "{ names }"}'))[1] == "InvalidSignatureException"
    unsigned = signed(client, headers={"x-amz-content-sha256": "UNSIGNED-PAYLOAD"})
    assert outcome(post_signed(client, unsigned))[1] == "InvalidSignatureException"


def test_changed_signed_header_is_refused(client: httpx.Client) -> None:
    headers = {**signed(client), "content-type": "application/graphql"}
    assert outcome(post_signed(client, headers))[1] == "InvalidSignatureException"


@pytest.mark.parametrize("minutes", [-6, 6])
def test_signature_that_is_too_old_or_too_early_is_refused(
    client: httpx.Client, minutes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    then = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=minutes)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: then)
    headers = signed(client)
    monkeypatch.undo()
    assert outcome(post_signed(client, headers))[1] == "InvalidSignatureException"


def test_incomplete_signature_is_refused(client: httpx.Client) -> None:
    headers = {"authorization": "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE"}
    assert outcome(post_signed(client, headers))[:2] == (403, "IncompleteSignatureException")
    undated = signed(client)
    del undated["X-Amz-Date"]
    assert outcome(post_signed(client, undated))[1] == "IncompleteSignatureException"


def test_api_with_only_iam_requires_a_signature(client: httpx.Client, aws: Aws) -> None:
    aws.api = {"authenticationType": "AWS_IAM"}
    assert outcome(send(client))[:2] == (403, "MissingAuthenticationTokenException")


def test_signature_is_refused_if_the_mode_is_off(client: httpx.Client, aws: Aws) -> None:
    aws.api = COGNITO
    assert outcome(post_signed(client, signed(client))) == (401, "UnauthorizedException", NO_HEADER)
