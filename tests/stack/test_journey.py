"""The whole way, on the running stack: sign in, list, ask for a URL, open it; and every way in that must be closed."""

from __future__ import annotations

import datetime
import io
import itertools
import json
import os
import re
import socket
import subprocess
import sys
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt
import pytest
import requests
from botocore.exceptions import ClientError
from botocore.signers import CloudFrontSigner
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA1
from gql import Client, GraphQLRequest
from gql.transport.exceptions import TransportQueryError
from gql.transport.requests import RequestsHTTPTransport
from playwright.sync_api import expect
from pycognito.aws_srp import AWSSRP
from werkzeug.http import parse_options_header

from tests import PROJECT
from tests.chromium import chromium, watched
from tests.running_stack import Stack

AWKWARD_NAMES = [
    "plain.txt",
    "with space.txt",
    "a+b.txt",
    "100%.txt",
    "100%25.txt",
    "%41.txt",
    "question?.txt",
    "hash#tag.txt",
    "this&that=other.txt",
    'it\'s "quoted".txt',
    "folder/[brackets]/{braces}.txt",
    "back\\slash.txt",
    "été/naïve café.txt",
    "日本語/写真.txt",
    "👩‍🚀 emoji.txt",
    "e\u0301 decomposed.txt",
    "semi;colon,comma:colon@at$dollar!.txt",
    "~tilde_-.txt",
    "...three dots",
]


def sign_in(stack: Stack, pool_id: str = "", client_id: str = "", user: str = "", password: str = "") -> dict[str, Any]:
    srp = AWSSRP(
        username=user or stack["DemoUser"],
        password=password or stack["DemoPassword"],
        pool_id=pool_id or stack["UserPoolId"],
        client_id=client_id or stack["UserPoolClientId"],
        client=stack.client("cognito-idp"),
    )
    tokens: dict[str, Any] = srp.authenticate_user()["AuthenticationResult"]
    return tokens


def ask(stack: Stack, query: str, headers: dict[str, str], **variables: Any) -> dict[str, Any]:
    transport = RequestsHTTPTransport(stack["GraphqlUrl"], headers=headers, timeout=30)
    with Client(transport=transport) as session:
        answer: dict[str, Any] = session.execute(GraphQLRequest(query, variable_values=variables))
        return answer


def get_url(stack: Stack, headers: dict[str, str], name: str) -> str:
    url = ask(stack, "query ($file: String!) { getUrl(file: $file) }", headers, file=name)["getUrl"]
    assert isinstance(url, str)
    return url


def gql_cli(stack: Stack, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """What gql's own command line answers to `{ getFiles }`; without arguments it signs as an IAM caller."""
    command = [str(Path(sys.executable).with_name("gql-cli")), stack["GraphqlUrl"], "--transport", "appsync_http"]
    environment = os.environ | {"AWS_DEFAULT_REGION": stack["Region"]} | environment
    return subprocess.run(
        [*command, *arguments], input="{ getFiles }", env=environment, capture_output=True, text=True, check=False
    )


def refused_by(response: requests.Response) -> str:
    assert response.status_code == 403, response.text
    return response.headers["X-Refused-By"]


def post(stack: Stack, headers: dict[str, str]) -> requests.Response:
    return requests.post(stack["GraphqlUrl"], json={"query": "{ getFiles }"}, headers=headers, timeout=30)


@pytest.fixture(scope="module")
def tokens(stack: Stack) -> dict[str, Any]:
    return sign_in(stack)


@pytest.fixture(scope="module")
def user(tokens: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": tokens["AccessToken"]}


@pytest.fixture(scope="module")
def url(stack: Stack, user: dict[str, str]) -> str:
    return get_url(stack, user, "hello.txt")


# --- the way in


def test_user_signs_in_lists_and_opens_a_file(stack: Stack, user: dict[str, str], samples: Path) -> None:
    names = ask(stack, "{ getFiles }", user)["getFiles"]
    assert "hello.txt" in names
    for path in (path for path in samples.rglob("*") if path.is_file()):
        name = path.relative_to(samples).as_posix()
        assert name in names
        response = requests.get(get_url(stack, user, name), timeout=30)
        assert (response.status_code, response.content) == (200, path.read_bytes())


@pytest.mark.parametrize("token", ["AccessToken", "IdToken"])
@pytest.mark.parametrize("prefix", ["", "Bearer "])
def test_access_and_id_tokens_open_the_api(stack: Stack, tokens: dict[str, Any], token: str, prefix: str) -> None:
    assert post(stack, {"Authorization": prefix + tokens[token]}).json()["data"]["getFiles"]


def test_caller_with_aws_credentials_opens_the_api(stack: Stack) -> None:
    done = gql_cli(stack, AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test")
    assert "hello.txt" in json.loads(done.stdout)["getFiles"], done.stderr


def test_gql_cli_opens_the_api_with_a_token(stack: Stack, tokens: dict[str, Any]) -> None:
    done = gql_cli(stack, "--jwt", tokens["AccessToken"])
    assert "hello.txt" in json.loads(done.stdout)["getFiles"], done.stderr


def test_name_that_needs_care_opens_exactly_that_file(stack: Stack, user: dict[str, str]) -> None:
    s3, bucket = stack.client("s3"), stack["BucketName"]
    content = {name: uuid.uuid4().bytes for name in AWKWARD_NAMES}
    try:
        for name, body in content.items():
            s3.put_object(Bucket=bucket, Key=f"files/{name}", Body=body)
        assert set(content) <= set(ask(stack, "{ getFiles }", user)["getFiles"])
        opened = {name: requests.get(get_url(stack, user, name), timeout=30).content for name in AWKWARD_NAMES}
        assert opened == content
    finally:
        for name in content:
            s3.delete_object(Bucket=bucket, Key=f"files/{name}")


def test_many_urls_come_in_one_answer_and_a_bad_name_fails_alone(
    stack: Stack, user: dict[str, str], samples: Path
) -> None:
    query = "query ($files: [String!]!) { getUrls(files: $files) { file url expiresAt errorType errorMessage } }"
    names = ["hello.txt", "../secret", "hello.txt"]
    first, bad, again = ask(stack, query, user, files=names)["getUrls"]
    assert [item["file"] for item in (first, bad, again)] == names
    assert requests.get(first["url"], timeout=30).content == (samples / "hello.txt").read_bytes()
    assert first == again
    assert (bad["url"], bad["expiresAt"], bad["errorType"]) == (None, None, "InvalidFileName")
    expires = datetime.datetime.fromisoformat(first["expiresAt"]).timestamp()
    assert f"Expires={expires:.0f}&" in first["url"]


def test_thousand_urls_come_in_one_answer_and_no_more(stack: Stack, user: dict[str, str]) -> None:
    query = "query ($files: [String!]!) { getUrls(files: $files) { url } }"
    answer = ask(stack, query, user, files=[f"{number}.jpg" for number in range(1000)])["getUrls"]
    assert len({item["url"] for item in answer}) == 1000
    with pytest.raises(TransportQueryError, match="TooManyFiles"):
        ask(stack, query, user, files=["x"] * 1001)


def test_lifetime_is_the_caller_s_within_the_bounds(stack: Stack, user: dict[str, str]) -> None:
    query = 'query ($seconds: Int) { getUrl(file: "hello.txt", expiresIn: $seconds) }'
    url = ask(stack, query, user, seconds=1800)["getUrl"]
    expires = int(url.partition("Expires=")[2].partition("&")[0])
    assert 1800 <= expires - time.time() + 30 <= 1800 + 300 + 60
    with pytest.raises(TransportQueryError, match="must be between 1 and 3600 seconds, not 3601"):
        ask(stack, query, user, seconds=3601)


def test_file_is_saved_under_the_name_asked_for_and_no_other(stack: Stack, user: dict[str, str]) -> None:
    query = 'query ($name: String) { getUrl(file: "hello.txt", saveAs: $name) }'
    url = ask(stack, query, user, name="grüße, welt.txt")["getUrl"]
    kind, options = parse_options_header(requests.get(url, timeout=30).headers["Content-Disposition"])
    assert (kind, options["filename"]) == ("attachment", "grüße, welt.txt")
    assert refused_by(requests.get(url.replace("welt", "mond"), timeout=30)) == "edge"
    assert "Content-Disposition" not in requests.get(get_url(stack, user, "hello.txt"), timeout=30).headers


def test_file_outside_the_folder_is_neither_listed_nor_opened(stack: Stack, user: dict[str, str]) -> None:
    stack.client("s3").put_object(Bucket=stack["BucketName"], Key="elsewhere/secret.txt", Body=b"secret")
    assert not [name for name in ask(stack, "{ getFiles }", user)["getFiles"] if "secret" in name]
    assert refused_by(requests.get(get_url(stack, user, "elsewhere/secret.txt"), timeout=30)) == "origin"


def test_part_of_a_file_and_its_head_are_served(url: str, samples: Path) -> None:
    content = (samples / "hello.txt").read_bytes()
    part = requests.get(url, headers={"Range": "bytes=5-9"}, timeout=30)
    assert (part.status_code, part.content) == (206, content[5:10])
    head = requests.head(url, timeout=30)
    assert (head.status_code, head.headers["Content-Length"], head.content) == (200, str(len(content)), b"")
    unchanged = requests.get(url, headers={"If-None-Match": head.headers["ETag"]}, timeout=30)
    assert (unchanged.status_code, unchanged.content) == (304, b"")


def test_files_come_with_the_headers_that_keep_them_from_running(url: str) -> None:
    headers = requests.get(url, headers={"Origin": "https://page.example"}, timeout=30).headers
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert headers["Content-Security-Policy"].endswith("form-action 'none'; base-uri 'none'; sandbox")


def test_response_to_an_image_is_not_reused_for_a_fetch(url: str) -> None:
    # It has no CORS headers, so a browser must not take it for the response to a request with an Origin.
    headers = requests.get(url, timeout=30).headers
    assert "Origin" in headers["Vary"]
    exposed = requests.get(url, headers={"Origin": "https://page.example"}, timeout=30).headers
    assert "Accept-Ranges" in exposed["Access-Control-Expose-Headers"]


# --- the API, closed


def test_no_token_is_refused(stack: Stack) -> None:
    response = post(stack, {})
    assert (response.status_code, response.headers["x-amzn-errortype"]) == (401, "UnauthorizedException")


def test_garbage_token_is_refused(stack: Stack) -> None:
    assert post(stack, {"Authorization": "garbage"}).status_code == 401
    with pytest.raises(TransportQueryError, match="UnauthorizedException"):
        ask(stack, "{ getFiles }", {"Authorization": "garbage"})


def test_altered_token_is_refused(stack: Stack, tokens: dict[str, Any]) -> None:
    head, body, signature = tokens["AccessToken"].split(".")
    assert post(stack, {"Authorization": f"{head}.{body}.{signature[:-8]}AAAAAAAA"}).status_code == 401


def test_expired_token_is_refused(stack: Stack) -> None:
    users = stack.client("cognito-idp")
    client = {"UserPoolId": stack["UserPoolId"], "ClientId": stack["UserPoolClientId"]}
    before = users.describe_user_pool_client(**client)["UserPoolClient"]
    kept = {name: before[name] for name in ("ExplicitAuthFlows", "IdTokenValidity", "TokenValidityUnits")}
    units = kept["TokenValidityUnits"] | {"AccessToken": "seconds"}
    try:
        users.update_user_pool_client(**client, **(kept | {"TokenValidityUnits": units, "AccessTokenValidity": 1}))
        token = sign_in(stack)["AccessToken"]
    finally:
        users.update_user_pool_client(**client, **kept, AccessTokenValidity=before["AccessTokenValidity"])
    expires = jwt.decode(token, options={"verify_signature": False})["exp"]
    while time.time() < expires + 1:
        time.sleep(0.1)
    response = post(stack, {"Authorization": token})
    assert (response.status_code, response.json()["errors"][0]["message"]) == (401, "Token has expired.")


@pytest.fixture
def other_pool(stack: Stack) -> Iterator[dict[str, str]]:
    users = stack.client("cognito-idp")
    pool = users.create_user_pool(PoolName="other")["UserPool"]["Id"]
    client = users.create_user_pool_client(
        UserPoolId=pool, ClientName="other", ExplicitAuthFlows=["ALLOW_USER_SRP_AUTH"]
    )
    users.admin_create_user(UserPoolId=pool, Username="other", MessageAction="SUPPRESS")
    users.admin_set_user_password(UserPoolId=pool, Username="other", Password="Other-password-1", Permanent=True)
    yield {"pool_id": pool, "client_id": client["UserPoolClient"]["ClientId"]}
    users.delete_user_pool(UserPoolId=pool)


def test_token_of_another_pool_is_refused(stack: Stack, other_pool: dict[str, str]) -> None:
    token = sign_in(stack, **other_pool, user="other", password="Other-password-1")["AccessToken"]
    assert post(stack, {"Authorization": token}).status_code == 401


def test_wrong_password_gets_no_token(stack: Stack) -> None:
    with pytest.raises(ClientError, match="NotAuthorizedException"):
        sign_in(stack, password="Wrong-password-1")


def test_api_key_is_refused_where_users_sign_in(stack: Stack) -> None:
    assert post(stack, {"x-api-key": "da2-0000000000000000000000000"}).status_code == 401


def test_wrong_aws_secret_is_refused(stack: Stack) -> None:
    done = gql_cli(stack, AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="wrong")
    assert "hello.txt" not in done.stdout
    assert "InvalidSignatureException" in done.stdout + done.stderr


@pytest.mark.parametrize("name", ["", "/etc/passwd", "../secret", "a//b", "a/./b", "a\n.txt", "x" * 1020])
def test_name_that_cannot_be_served_is_refused_by_name(stack: Stack, user: dict[str, str], name: str) -> None:
    with pytest.raises(TransportQueryError) as refused:
        get_url(stack, user, name)
    (error,) = refused.value.errors or []
    assert error["errorType"] == "InvalidFileName"
    assert "cannot be served" in error["message"]


# --- the files, closed


def test_unsigned_url_is_refused(url: str) -> None:
    assert refused_by(requests.get(url.partition("?")[0], timeout=30)) == "edge"


def test_url_with_one_character_changed_is_refused(url: str) -> None:
    path, _, query = url.partition("?")
    assert refused_by(requests.get(path[:-1] + "x?" + query, timeout=30)) == "edge"
    for position in range(0, len(query), 7):
        changed = query[:position] + ("A" if query[position] != "A" else "B") + query[position + 1 :]
        assert refused_by(requests.get(f"{path}?{changed}", timeout=30)) == "edge", changed


def test_url_prolonged_is_refused(url: str) -> None:
    expires = int(url.partition("Expires=")[2].partition("&")[0])
    assert refused_by(requests.get(url.replace(str(expires), str(expires + 3600)), timeout=30)) == "edge"


def test_parameter_added_after_signing_is_refused(url: str) -> None:
    assert refused_by(requests.get(url + "&versionId=1", timeout=30)) == "edge"


def test_signature_of_another_key_is_refused(stack: Stack, url: str) -> None:
    key_id = url.partition("Key-Pair-Id=")[2].partition("&")[0]
    key = ec.generate_private_key(ec.SECP256R1())
    signer = CloudFrontSigner(key_id, lambda message: key.sign(message, ec.ECDSA(SHA1())))  # noqa: S303 - its default
    in_2037 = datetime.datetime(2037, 1, 1, tzinfo=datetime.UTC)
    forged = signer.generate_presigned_url(f"{stack['CdnUrl']}/hello.txt", date_less_than=in_2037)
    assert refused_by(requests.get(forged, timeout=30)) == "edge"


def test_missing_file_is_refused_by_the_origin_and_not_revealed(stack: Stack, user: dict[str, str]) -> None:
    assert refused_by(requests.get(get_url(stack, user, "no such file"), timeout=30)) == "origin"


def test_bucket_cannot_be_asked_directly(stack: Stack) -> None:
    address = f"{stack['AwsEndpointUrl']}/{stack['BucketName']}/files/hello.txt"
    assert requests.get(address, verify=stack["AwsCaBundle"], timeout=30).status_code == 403


# --- the functions, each kept to its own


@pytest.fixture(scope="module")
def probes(stack: Stack) -> Iterator[Any]:
    """Runs a few lines of Python in a function that has the role of a deployed one; gives what they answer."""
    functions = stack.client("lambda")
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("probe.py", PROBE)
    made: dict[str, str] = {}

    def run(like: str, service: str, call: str, **arguments: Any) -> str:
        if like not in made:
            (role,) = (
                function["Role"]
                for function in functions.list_functions()["Functions"]
                if f"Functions{like}Function" in function["FunctionName"]
            )
            made[like] = f"probe-{like}-{uuid.uuid4().hex[:8]}"
            functions.create_function(
                FunctionName=made[like],
                Runtime="python3.13",
                Role=role,
                Handler="probe.handler",
                Code={"ZipFile": code.getvalue()},
            )
        event = json.dumps({"service": service, "call": call, "arguments": arguments})
        answer = json.loads(functions.invoke(FunctionName=made[like], Payload=event)["Payload"].read())
        assert isinstance(answer, str), answer
        return answer

    yield run
    for name in made.values():
        functions.delete_function(FunctionName=name)


PROBE = """
import boto3
from botocore.exceptions import ClientError

def handler(event, _context):
    try:
        getattr(boto3.client(event["service"]), event["call"])(**event["arguments"])
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "allowed"
"""


def denied(answer: str) -> bool:
    return answer in ("AccessDenied", "AccessDeniedException")


def signing_parameter(stack: Stack) -> str:
    parameters = stack.client("ssm").describe_parameters()["Parameters"]
    (parameter,) = (parameter for parameter in parameters if "/signing-keys/" in parameter["Name"])
    return str(parameter["Name"])


def test_function_that_signs_can_read_its_key(stack: Stack, probes: Any) -> None:
    assert probes("Url", "ssm", "get_parameter", Name=signing_parameter(stack), WithDecryption=True) == "allowed"


def test_function_that_signs_can_neither_read_nor_list_nor_write_files(stack: Stack, probes: Any) -> None:
    bucket, key = stack["BucketName"], "files/hello.txt"
    assert denied(probes("Url", "s3", "get_object", Bucket=bucket, Key=key))
    assert denied(probes("Url", "s3", "list_objects_v2", Bucket=bucket, Prefix="files/"))
    assert denied(probes("Url", "s3", "put_object", Bucket=bucket, Key=key, Body="x"))


def test_function_that_signs_reads_no_other_parameter_and_writes_none(stack: Stack, probes: Any) -> None:
    stack.client("ssm").put_parameter(Name="/other/secret", Value="secret", Type="SecureString", Overwrite=True)
    try:
        assert denied(probes("Url", "ssm", "get_parameter", Name="/other/secret", WithDecryption=True))
    finally:
        stack.client("ssm").delete_parameter(Name="/other/secret")
    assert denied(probes("Url", "ssm", "put_parameter", Name=signing_parameter(stack), Value="x", Overwrite=True))


def test_function_that_lists_can_list_its_folder(stack: Stack, probes: Any) -> None:
    assert probes("Files", "s3", "list_objects_v2", Bucket=stack["BucketName"], Prefix="files/") == "allowed"


def test_function_that_lists_can_neither_read_files_nor_list_other_folders(stack: Stack, probes: Any) -> None:
    assert denied(probes("Files", "s3", "get_object", Bucket=stack["BucketName"], Key="files/hello.txt"))
    assert denied(probes("Files", "s3", "list_objects_v2", Bucket=stack["BucketName"], Prefix="elsewhere/"))


def test_function_that_lists_cannot_read_the_key(stack: Stack, probes: Any) -> None:
    assert denied(probes("Files", "ssm", "get_parameter", Name=signing_parameter(stack), WithDecryption=True))


def test_function_that_checks_rotations_can_neither_read_keys_nor_files(stack: Stack, probes: Any) -> None:
    assert denied(probes("Rotation", "ssm", "get_parameter", Name=signing_parameter(stack), WithDecryption=False))
    assert denied(probes("Rotation", "s3", "get_object", Bucket=stack["BucketName"], Key="files/hello.txt"))


def test_function_that_mints_cannot_read_the_key_back(stack: Stack, probes: Any) -> None:
    assert denied(probes("Mint", "ssm", "get_parameter", Name=signing_parameter(stack), WithDecryption=True))
    assert denied(probes("Mint", "ssm", "get_parameter", Name=signing_parameter(stack), WithDecryption=False))


# --- nothing that opens a file is written down


def test_neither_logs_nor_disk_hold_a_key_or_a_signed_url(stack: Stack, url: str) -> None:
    assert "Signature=" in url
    logs = stack.client("logs")
    written = [
        event["message"]
        for group in logs.describe_log_groups()["logGroups"]
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"])
        for event in page["events"]
    ]
    assert any("signed" in message for message in written)
    assert not [message for message in written if "Signature=" in message or "PRIVATE KEY" in message]
    if stack.directory:
        signature = url.partition("Signature=")[2].partition("&")[0].encode()
        for path in (path for path in stack.directory.rglob("*") if path.is_file()):
            content = path.read_bytes()
            assert signature not in content, path
            # Libraries name the header; only a key has something behind it. The server's TLS key is meant to be there.
            assert path.name == "server.key" or not re.search(rb"PRIVATE KEY-----\s+[A-Za-z0-9+/]{40}", content), path


# --- with auth off


def test_api_key_opens_the_api_where_auth_is_off(open_stack: Stack) -> None:
    assert "hello.txt" in ask(open_stack, "{ getFiles }", {"x-api-key": open_stack["ApiKey"]})["getFiles"]


def test_no_key_or_a_wrong_one_is_refused_where_auth_is_off(open_stack: Stack) -> None:
    for headers in ({}, {"x-api-key": "da2-0000000000000000000000000"}, {"Authorization": "x"}):
        assert post(open_stack, headers).status_code == 401


def test_page_needs_no_sign_in_where_an_api_key_opens_the_api(open_stack: Stack) -> None:
    with chromium() as browser, watched(browser) as watch:
        watch.provoked.append("403 (Forbidden)")  # URLs live for one second here, and the page renews what it needs
        watch.page.goto(f"{open_stack['FrontendUrl']}/#/notes/visitors.csv")
        expect(watch.page.get_by_role("dialog").locator("pre")).to_contain_text("day,visitors")
        watch.page.get_by_role("button", name="Close").click()
        expect(watch.page.get_by_role("heading", name="notes")).to_be_visible()
        expect(watch.page.get_by_role("button", name="Sign out")).to_have_count(0)


def test_expired_url_is_refused(open_stack: Stack) -> None:
    url = get_url(open_stack, {"x-api-key": open_stack["ApiKey"]}, "hello.txt")
    expires = int(url.partition("Expires=")[2].partition("&")[0])
    while time.time() < expires:
        time.sleep(0.05)
    assert refused_by(requests.get(url, timeout=30)) == "edge"


# --- the page, hosted


@pytest.fixture(scope="module")
def hosted_host(open_stack: Stack) -> str:
    """The host name of the page's own distribution."""
    [described] = open_stack.client("cloudformation").describe_stacks(StackName="PrivateFiles")["Stacks"]
    [url] = [output["OutputValue"] for output in described["Outputs"] if output["OutputKey"] == "FrontendUrl"]
    assert isinstance(url, str)
    return url.removeprefix("https://")


@pytest.fixture(scope="module")
def hosted(open_stack: Stack, hosted_host: str) -> Callable[[str], requests.Response]:
    """Asks the page's own distribution for a path."""

    def get(path: str) -> requests.Response:
        address, authority = open_stack["AwsEndpointUrl"] + path, open_stack["AwsCaBundle"]
        return requests.get(address, headers={"Host": hosted_host}, verify=authority, timeout=30)

    return get


def test_hosted_page_is_what_was_built_and_is_asked_for_each_time(hosted: Callable[[str], requests.Response]) -> None:
    for path in ("/", "/index.html"):
        page = hosted(path)
        assert page.content == (PROJECT / "frontend/dist/index.html").read_bytes()
        assert page.headers["Content-Type"].startswith("text/html")
        assert page.headers["Cache-Control"] == "no-cache"


def test_assets_of_the_hosted_page_run_and_are_kept(hosted: Callable[[str], requests.Response]) -> None:
    loaded = re.findall(r'(?:src|href)="\.(/assets/[^"]+)"', hosted("/").text)
    assert {path.rpartition(".")[2] for path in loaded} == {"js", "css"}
    for path in loaded:
        asset = hosted(path)
        assert asset.content == (PROJECT / f"frontend/dist{path}").read_bytes()
        assert asset.headers["Content-Type"] == ("text/css" if path.endswith("css") else "text/javascript")
        assert asset.headers["Cache-Control"] == "public, max-age=31536000, immutable"


def test_hosted_page_is_told_where_its_stack_is(open_stack: Stack, hosted: Callable[[str], requests.Response]) -> None:
    configuration = hosted("/config.json")
    assert configuration.headers["Content-Type"] == "application/json"
    assert configuration.headers["Cache-Control"] == "no-cache"
    api = open_stack.client("appsync").list_graphql_apis()["graphqlApis"][0]
    assert configuration.json() == {
        "GraphqlUrl": api["uris"]["GRAPHQL"],
        "CdnUrl": open_stack["CdnUrl"],
        "Region": open_stack["Region"],
        "ApiKey": open_stack["ApiKey"],
    }


def test_hosted_page_comes_with_its_policy(open_stack: Stack, hosted: Callable[[str], requests.Response]) -> None:
    headers, configuration = hosted("/").headers, hosted("/config.json").json()
    directives = [directive.split() for directive in headers["Content-Security-Policy"].split(";")]
    policy = {name: sources for name, *sources in directives}
    assert policy["connect-src"] == ["'self'", configuration["GraphqlUrl"], open_stack["CdnUrl"]]
    assert policy["default-src"] == policy["frame-ancestors"] == ["'none'"]
    assert headers["Strict-Transport-Security"].startswith("max-age=31536000")
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_hosted_page_shows_the_files_in_a_browser(
    open_stack: Stack, hosted_host: str, hosted: Callable[[str], requests.Response]
) -> None:
    # CloudFront and AppSync by their own names, which lead to the embedded AWS here; its certificate has another name.
    aws = urlsplit(open_stack["AwsEndpointUrl"]).netloc
    api_host = urlsplit(hosted("/config.json").json()["GraphqlUrl"]).hostname
    with (
        chromium(f"--host-resolver-rules=MAP *:443 {aws}") as browser,
        watched(browser, ignore_https_errors=True) as watch,
    ):
        watch.provoked += [f"a request to {hosted_host}", f"a request to {api_host}"]
        watch.page.goto(f"https://{hosted_host}/#/notes/")
        expect(watch.page.get_by_text("visitors.csv")).to_be_visible()


def test_bucket_of_the_hosted_page_cannot_be_asked_directly(
    open_stack: Stack, hosted: Callable[[str], requests.Response]
) -> None:
    buckets = [bucket["Name"] for bucket in open_stack.client("s3").list_buckets()["Buckets"]]
    [bucket] = [name for name in buckets if "frontend" in name]
    address = f"{open_stack['AwsEndpointUrl']}/{bucket}/index.html"
    assert requests.get(address, verify=open_stack["AwsCaBundle"], timeout=30).status_code == 403
    assert hosted("/no-such-file").status_code == 403


# --- the command itself


@pytest.mark.parametrize("option", ["--aws-port", "--rest-port"])
def test_taken_port_is_one_line_that_names_it(tmp_path: Path, option: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ports = dict.fromkeys(("--aws-port", "--graphql-port", "--cdn-port", "--frontend-port", "--rest-port"), "0")
        command = [sys.executable, "-m", "local", "--directory", str(tmp_path)]
        command += itertools.chain.from_iterable((ports | {option: port}).items())
        done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert f"Port {port} on 127.0.0.1 is taken" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_everything_listens_on_loopback_only(stack: Stack) -> None:
    if stack.process is None or not Path("/proc/net/tcp").exists():
        pytest.skip("only a stack that this test started can be looked into, and only where there is /proc")
    sockets = {
        target
        for process in _family(stack.process.pid)
        for descriptor in Path(f"/proc/{process}/fd").iterdir()
        if (target := _link(descriptor)).startswith("socket:")
    }
    listening = [
        fields[1].partition(":")[0]
        for table in ("tcp", "tcp6")
        for fields in map(str.split, Path(f"/proc/net/{table}").read_text().splitlines()[1:])
        if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets
    ]
    assert len(listening) >= 3
    assert set(listening) == {"0100007F"}


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(process for child in children for process in _family(int(child)))]


def _link(path: Path) -> str:
    try:
        return str(path.readlink())
    except OSError:  # closed meanwhile
        return ""


# --- the command line


def private_files(stack: Stack, directory: Path, *arguments: str) -> list[Any]:
    """What the command prints with --json, as the demo user and with the embedded AWS's root key."""
    outputs = directory / "outputs.json"
    outputs.write_text(json.dumps(stack.outputs))
    command = [sys.executable, "-m", "private_files", *arguments, "--json", "--outputs", str(outputs)]
    environment = os.environ | {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    environment["XDG_CACHE_HOME"] = str(directory / "cache")
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_what_is_uploaded_comes_back(stack: Stack, tmp_path: Path) -> None:
    content = {"large.bin": os.urandom(12_000_000), "a+b 100%.txt": b"small", "empty.svg": b""}
    for name, body in content.items():
        (tmp_path / name).write_bytes(body)
    paths = [str(tmp_path / name) for name in content]
    assert {item["replaced"] for item in private_files(stack, tmp_path, "put", *paths, "--prefix", "cli/é/")} == {False}
    again = private_files(stack, tmp_path, "put", paths[1], "--prefix", "cli/é/")
    assert [item["replaced"] for item in again] == [True]
    head = stack.client("s3").head_object(Bucket=stack["BucketName"], Key="files/cli/é/large.bin")
    assert "-" in head["ETag"]  # it went up in parts
    got = private_files(stack, tmp_path, "get", "--prefix", "cli/", "-o", str(tmp_path / "out"))
    assert {item["file"] for item in got} == {f"cli/é/{name}" for name in content}
    assert {name: (tmp_path / "out/cli/é" / name).read_bytes() for name in content} == content


def test_session_opens_the_api_until_logout_revokes_it(stack: Stack, tmp_path: Path) -> None:
    private_files(stack, tmp_path, "login")
    [session] = (tmp_path / "cache").rglob("*.json")
    kept = json.loads(session.read_text())
    session.write_text(json.dumps(kept | {"expires": 0}))
    assert "hello.txt" in private_files(stack, tmp_path, "files")[0]
    assert json.loads(session.read_text())["access"] != kept["access"]
    private_files(stack, tmp_path, "logout")
    with pytest.raises(ClientError, match="NotAuthorizedException"):
        stack.client("cognito-idp").initiate_auth(
            AuthFlow="REFRESH_TOKEN_AUTH",
            ClientId=stack["UserPoolClientId"],
            AuthParameters={"REFRESH_TOKEN": kept["refresh"]},
        )
