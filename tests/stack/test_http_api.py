"""The HTTP API on the running stack: its OpenAPI document holds, callers are checked, and its URLs open files."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests
import schemathesis
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests import PROJECT
from tests.graphql_caller import AWKWARD_NAMES, sign_in
from tests.running_stack import Stack

DOCUMENT = PROJECT / "openapi.yaml"
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def rest(documented_stack: Stack) -> Stack:
    return documented_stack


@pytest.fixture(scope="module")
def tokens(rest: Stack) -> dict[str, Any]:
    return sign_in(rest)


def get(stack: Stack, path: str, token: str = "", headers: dict[str, str] | None = None, **query: str) -> Any:
    authorization = {"Authorization": f"Bearer {token}"} if token else {}
    return requests.get(stack.outputs.rest_url + path, query, headers=authorization | (headers or {}), timeout=30)


@pytest.mark.parametrize("token", ["AccessToken", "IdToken"])
def test_user_lists_the_files_and_opens_each(rest: Stack, tokens: dict[str, Any], token: str, samples: Path) -> None:
    names = get(rest, "/files", tokens[token]).json()["files"]
    objects = rest.client("s3").list_objects_v2(Bucket=rest.outputs.bucket_name, Prefix="files/")["Contents"]
    assert names == [entry["Key"].removeprefix("files/") for entry in objects]
    paths = [path for path in samples.rglob("*") if path.is_file()]
    assert {path.relative_to(samples).as_posix() for path in paths} <= set(names)
    for name in (path.relative_to(samples).as_posix() for path in paths):
        opened = requests.get(get(rest, "/url", tokens[token], file=name).json()["url"], timeout=30)
        assert (opened.status_code, opened.content) == (200, (samples / name).read_bytes())


def test_name_that_needs_care_opens_exactly_that_file(rest: Stack, tokens: dict[str, Any]) -> None:
    s3 = rest.client("s3")
    for name in AWKWARD_NAMES:
        s3.put_object(Bucket=rest.outputs.bucket_name, Key=f"files/rest/{name}", Body=name.encode())
    try:
        listed = get(rest, "/files", tokens["AccessToken"], prefix="rest/").json()["files"]
        assert sorted(listed) == sorted(f"rest/{name}" for name in AWKWARD_NAMES)
        for name in AWKWARD_NAMES:
            url = get(rest, "/url", tokens["AccessToken"], file=f"rest/{name}").json()["url"]
            assert requests.get(url, timeout=30).content == name.encode()
    finally:
        for name in AWKWARD_NAMES:
            s3.delete_object(Bucket=rest.outputs.bucket_name, Key=f"files/rest/{name}")


def test_lifetime_and_name_to_save_under_are_the_caller_s(rest: Stack, tokens: dict[str, Any]) -> None:
    answer = get(rest, "/url", tokens["AccessToken"], file="hello.txt", expiresIn="60", saveAs="grüße.txt")
    opened = requests.get(answer.json()["url"], timeout=30)
    assert "filename*=UTF-8''gr%C3%BC%C3%9Fe.txt" in opened.headers["Content-Disposition"]


# --- refused callers


def refused(answer: requests.Response) -> str:
    assert (answer.status_code, answer.text) == (401, '{"message":"Unauthorized"}')
    return answer.headers["www-authenticate"]


def test_no_token_is_refused(rest: Stack) -> None:
    assert refused(get(rest, "/files")) == "Bearer"


def test_garbage_and_altered_tokens_are_refused(rest: Stack, tokens: dict[str, Any]) -> None:
    header, claims, signature = tokens["AccessToken"].split(".")
    altered = ("A" if signature[5] != "A" else "B").join([signature[:5], signature[6:]])
    for token in ("garbage", "a.b.c", f"{header}.{claims}.{altered}", f"{header}.{claims}."):
        assert "invalid_token" in refused(get(rest, "/url", token, file="hello.txt"))


def test_token_signed_by_anybody_else_is_refused(rest: Stack, tokens: dict[str, Any]) -> None:
    claims = jwt.decode(tokens["AccessToken"], options={"verify_signature": False})
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    kid = jwt.get_unverified_header(tokens["AccessToken"])["kid"]
    for key_id in (kid, "another"):
        refused(get(rest, "/files", jwt.encode(claims, key, "RS256", {"kid": key_id})))


@pytest.fixture
def other_client(rest: Stack) -> Iterator[str]:
    users = rest.client("cognito-idp")
    client = users.create_user_pool_client(
        UserPoolId=rest.outputs.user_pool_id, ClientName="other", ExplicitAuthFlows=["ALLOW_USER_SRP_AUTH"]
    )["UserPoolClient"]["ClientId"]
    yield client
    users.delete_user_pool_client(UserPoolId=rest.outputs.user_pool_id, ClientId=client)


def test_token_of_another_client_is_refused(rest: Stack, other_client: str) -> None:
    found = sign_in(rest, client_id=other_client)
    for token in (found["AccessToken"], found["IdToken"]):
        assert "does not have a valid audience" in refused(get(rest, "/files", token))


def test_token_of_another_pool_is_refused(rest: Stack) -> None:
    users = rest.client("cognito-idp")
    pool = users.create_user_pool(PoolName="other")["UserPool"]["Id"]
    try:
        client = users.create_user_pool_client(
            UserPoolId=pool, ClientName="other", ExplicitAuthFlows=["ALLOW_USER_SRP_AUTH"]
        )["UserPoolClient"]["ClientId"]
        users.admin_create_user(UserPoolId=pool, Username="other", MessageAction="SUPPRESS")
        users.admin_set_user_password(UserPoolId=pool, Username="other", Password="Other-password-1", Permanent=True)
        token = sign_in(rest, pool, client, "other", "Other-password-1")["AccessToken"]
        refused(get(rest, "/files", token))
    finally:
        users.delete_user_pool(UserPoolId=pool)


def test_expired_token_is_refused(rest: Stack) -> None:
    users = rest.client("cognito-idp")
    client = users.create_user_pool_client(
        UserPoolId=rest.outputs.user_pool_id,
        ClientName="short",
        ExplicitAuthFlows=["ALLOW_USER_SRP_AUTH"],
        AccessTokenValidity=1,
        TokenValidityUnits={"AccessToken": "seconds"},
    )["UserPoolClient"]["ClientId"]
    try:
        token = sign_in(rest, client_id=client)["AccessToken"]
        expires = jwt.decode(token, options={"verify_signature": False})["exp"]
        while time.time() < expires + 1:
            time.sleep(0.1)
        assert "expired" in refused(get(rest, "/files", token))
    finally:
        users.delete_user_pool_client(UserPoolId=rest.outputs.user_pool_id, ClientId=client)


@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("GET", "/files/"), ("GET", "/%66iles"), ("POST", "/url")])
def test_any_other_path_and_method_is_not_found(rest: Stack, tokens: dict[str, Any], method: str, path: str) -> None:
    # Set on the prepared request: otherwise requests decodes %66.
    prepared = requests.Request(
        method, rest.outputs.rest_url, headers={"Authorization": tokens["AccessToken"]}
    ).prepare()
    prepared.url = rest.outputs.rest_url + path
    with requests.Session() as session:
        answer = session.send(prepared, timeout=30)
    assert (answer.status_code, answer.text) == (404, '{"message":"Not Found"}')


def test_page_of_this_machine_may_send_a_token(rest: Stack, tokens: dict[str, Any]) -> None:
    origin = {"Origin": "http://localhost:5173", "Access-Control-Request-Method": "GET"}
    preflight = requests.options(rest.outputs.rest_url + "/url", headers=origin, timeout=30)
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == "*"
    assert preflight.headers["access-control-allow-methods"] == "GET"
    assert preflight.headers["access-control-allow-headers"] == "authorization"
    answer = get(rest, "/files", tokens["AccessToken"], headers={"Origin": "http://localhost:5173"})
    assert answer.headers["access-control-allow-origin"] == "*"


def test_neither_token_nor_url_is_in_a_log(rest: Stack, tokens: dict[str, Any]) -> None:
    url = get(rest, "/url", tokens["AccessToken"], file="hello.txt").json()["url"]
    assert rest.directory
    logs = [*rest.directory.glob("*.log"), rest.directory / "printed.txt"]
    logged = "".join(path.read_text(errors="replace") for path in logs)
    # `make up` prints one URL, of another file.
    assert url.partition("Signature=")[2].partition("&")[0] not in logged
    assert tokens["AccessToken"] not in logged


# --- the OpenAPI document


@pytest.mark.parametrize("operation", ["getFiles", "getUrl"])
def test_response_to_every_request_conforms_to_the_document(
    rest: Stack, tokens: dict[str, Any], operation: str
) -> None:
    """Valid and invalid queries that schemathesis derives from the document.

    Its check of methods is left out: an HTTP API answers 404 to a method that it does not have, not 405.
    """
    schema = schemathesis.openapi.from_dict(json.loads(json.dumps(_document())))
    described = schema.find_operation_by_id(operation)
    headers = {"Authorization": f"Bearer {tokens['AccessToken']}"}
    positive = described.as_strategy(generation_mode=schemathesis.GenerationMode.POSITIVE)
    negative = described.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE)

    @settings(
        max_examples=30, deadline=None, derandomize=True, database=None,
        phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=positive | negative)
    def answers(case: Any) -> None:
        case.call_and_validate(base_url=rest.outputs.rest_url, headers=headers, checks=CHECKS, timeout=30)

    answers()


def _document() -> dict[str, Any]:
    return dict(schemathesis.openapi.from_path(DOCUMENT).raw_schema)
