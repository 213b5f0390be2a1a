"""A file on the running stack from upload to download: sign in, list, get a URL, open it; and what is refused."""

from __future__ import annotations

import base64
import datetime
import itertools
import json
import os
import re
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import jwt
import pytest
import requests
from botocore.exceptions import ClientError
from botocore.signers import CloudFrontSigner
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA1
from gql.transport.exceptions import TransportQueryError
from playwright.sync_api import Route, expect
from werkzeug.http import parse_options_header

from tests import PROJECT
from tests.chromium import chromium, watched
from tests.graphql_caller import AWKWARD_NAMES, execute, sign_in
from tests.probes import denied, probing
from tests.running_stack import Stack


def get_url(stack: Stack, headers: dict[str, str], name: str) -> str:
    url = execute(stack, "query ($file: String!) { getUrl(file: $file) }", headers, file=name)["getUrl"]
    assert isinstance(url, str)
    return url


def gql_cli(stack: Stack, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Return what gql's own command line prints for `{ getFiles }`; without arguments it signs as an IAM caller."""
    command = [str(Path(sys.executable).with_name("gql-cli")), stack.outputs.graphql_url, "--transport", "appsync_http"]
    here = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"} if stack.is_local else {}
    environment = os.environ | {"AWS_DEFAULT_REGION": stack.outputs.region} | here | environment
    return subprocess.run(
        [*command, *arguments], input="{ getFiles }", env=environment, capture_output=True, text=True, check=False
    )


def refused_by(response: requests.Response) -> str:
    assert response.status_code == 403, response.text
    origin = "x-amz-request-id" in response.headers  # as docs/troubleshoot.md says
    return response.headers.get("X-Refused-By", "origin" if origin else "edge")


def post(stack: Stack, headers: dict[str, str]) -> requests.Response:
    return requests.post(stack.outputs.graphql_url, json={"query": "{ getFiles }"}, headers=headers, timeout=30)


@pytest.fixture(scope="module")
def tokens(stack: Stack) -> dict[str, Any]:
    return sign_in(stack)


@pytest.fixture(scope="module")
def user(tokens: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": tokens["AccessToken"]}


@pytest.fixture(scope="module")
def url(stack: Stack, user: dict[str, str]) -> str:
    return get_url(stack, user, "hello.txt")


# --- access that is allowed


def test_user_signs_in_lists_and_opens_a_file(stack: Stack, user: dict[str, str], samples: Path) -> None:
    names = execute(stack, "{ getFiles }", user)["getFiles"]
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
    done = gql_cli(stack)
    assert "hello.txt" in json.loads(done.stdout)["getFiles"], done.stderr


def test_gql_cli_opens_the_api_with_a_token(stack: Stack, tokens: dict[str, Any]) -> None:
    done = gql_cli(stack, "--jwt", tokens["AccessToken"])
    assert "hello.txt" in json.loads(done.stdout)["getFiles"], done.stderr


def test_name_that_needs_care_opens_exactly_that_file(stack: Stack, user: dict[str, str]) -> None:
    s3, bucket = stack.client("s3"), stack.outputs.bucket_name
    content = {name: uuid.uuid4().bytes for name in AWKWARD_NAMES}
    try:
        for name, body in content.items():
            s3.put_object(Bucket=bucket, Key=f"files/{name}", Body=body)
        assert set(content) <= set(execute(stack, "{ getFiles }", user)["getFiles"])
        opened = {name: requests.get(get_url(stack, user, name), timeout=30).content for name in AWKWARD_NAMES}
        assert opened == content
    finally:
        for name in content:
            s3.delete_object(Bucket=bucket, Key=f"files/{name}")


def test_many_urls_come_in_one_response_and_a_bad_name_fails_alone(
    stack: Stack, user: dict[str, str], samples: Path
) -> None:
    query = "query ($files: [String!]!) { getUrls(files: $files) { file url expiresAt errorType errorMessage } }"
    names = ["hello.txt", "../secret", "hello.txt"]
    first, bad, again = execute(stack, query, user, files=names)["getUrls"]
    assert [item["file"] for item in (first, bad, again)] == names
    assert requests.get(first["url"], timeout=30).content == (samples / "hello.txt").read_bytes()
    assert first == again
    assert (bad["url"], bad["expiresAt"], bad["errorType"]) == (None, None, "InvalidFileName")
    expires = datetime.datetime.fromisoformat(first["expiresAt"]).timestamp()
    assert f"Expires={expires:.0f}&" in first["url"]


def test_thousand_urls_come_in_one_response_and_no_more(stack: Stack, user: dict[str, str]) -> None:
    query = "query ($files: [String!]!) { getUrls(files: $files) { url } }"
    answer = execute(stack, query, user, files=[f"{number}.jpg" for number in range(1000)])["getUrls"]
    assert len({item["url"] for item in answer}) == 1000
    with pytest.raises(TransportQueryError, match="TooManyFiles"):
        execute(stack, query, user, files=["x"] * 1001)


def test_lifetime_is_the_caller_s_within_the_bounds(stack: Stack, user: dict[str, str]) -> None:
    query = 'query ($seconds: Int) { getUrl(file: "hello.txt", expiresIn: $seconds) }'
    url = execute(stack, query, user, seconds=1800)["getUrl"]
    expires = int(url.partition("Expires=")[2].partition("&")[0])
    assert 1800 <= expires - time.time() + 30 <= 1800 + 300 + 60
    with pytest.raises(TransportQueryError, match="must be between 1 and 3600 seconds, not 3601"):
        execute(stack, query, user, seconds=3601)


def test_file_is_saved_under_the_requested_name_and_no_other(stack: Stack, user: dict[str, str]) -> None:
    query = 'query ($name: String) { getUrl(file: "hello.txt", saveAs: $name) }'
    url = execute(stack, query, user, name="grüße, welt.txt")["getUrl"]
    kind, options = parse_options_header(requests.get(url, timeout=30).headers["Content-Disposition"])
    assert (kind, options["filename"]) == ("attachment", "grüße, welt.txt")
    assert refused_by(requests.get(url.replace("welt", "mond"), timeout=30)) == "edge"
    assert "Content-Disposition" not in requests.get(get_url(stack, user, "hello.txt"), timeout=30).headers


def test_file_outside_the_folder_is_neither_listed_nor_opened(stack: Stack, user: dict[str, str]) -> None:
    stack.client("s3").put_object(Bucket=stack.outputs.bucket_name, Key="elsewhere/secret.txt", Body=b"secret")
    assert not [name for name in execute(stack, "{ getFiles }", user)["getFiles"] if "secret" in name]
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


# --- the API: what is refused


def test_no_token_is_refused(stack: Stack) -> None:
    response = post(stack, {})
    assert (response.status_code, response.headers["x-amzn-errortype"]) == (401, "UnauthorizedException")


def test_garbage_token_is_refused(stack: Stack) -> None:
    assert post(stack, {"Authorization": "garbage"}).status_code == 401
    with pytest.raises(TransportQueryError, match="UnauthorizedException"):
        execute(stack, "{ getFiles }", {"Authorization": "garbage"})


def test_altered_token_is_refused(stack: Stack, tokens: dict[str, Any]) -> None:
    head, body, signature = tokens["AccessToken"].split(".")
    assert post(stack, {"Authorization": f"{head}.{body}.{signature[:-8]}AAAAAAAA"}).status_code == 401


@pytest.mark.only_local("Cognito's access tokens are valid for five minutes or longer, which is too long to wait")
def test_expired_token_is_refused(stack: Stack) -> None:
    users = stack.client("cognito-idp")
    client = {"UserPoolId": stack.outputs.user_pool_id, "ClientId": stack.outputs.user_pool_client_id}
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


def test_api_key_is_refused_if_users_sign_in(stack: Stack) -> None:
    assert post(stack, {"x-api-key": "da2-0000000000000000000000000"}).status_code == 401


def test_wrong_aws_secret_is_refused(stack: Stack) -> None:
    own = boto3.Session().get_credentials()
    key = "test" if stack.is_local or own is None else own.access_key
    done = gql_cli(stack, AWS_ACCESS_KEY_ID=key, AWS_SECRET_ACCESS_KEY="wrong")
    assert "hello.txt" not in done.stdout
    assert "InvalidSignatureException" in done.stdout + done.stderr


@pytest.mark.parametrize("name", ["", "/etc/passwd", "../secret", "a//b", "a/./b", "a\n.txt", "x" * 1020])
def test_name_that_cannot_be_served_is_refused_by_name(stack: Stack, user: dict[str, str], name: str) -> None:
    with pytest.raises(TransportQueryError) as refused:
        get_url(stack, user, name)
    (error,) = refused.value.errors or []
    assert error["errorType"] == "InvalidFileName"
    assert "cannot be served" in error["message"]


# --- the files: what is refused


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
    forged = signer.generate_presigned_url(f"{stack.outputs.cdn_url}/hello.txt", date_less_than=in_2037)
    assert refused_by(requests.get(forged, timeout=30)) == "edge"


def test_missing_file_is_refused_by_the_origin_and_not_revealed(stack: Stack, user: dict[str, str]) -> None:
    assert refused_by(requests.get(get_url(stack, user, "no such file"), timeout=30)) == "origin"


def test_direct_request_to_the_bucket_is_refused(stack: Stack) -> None:
    bucket, folder = stack.outputs.bucket_name, stack.outputs.files_folder
    s3 = stack.outputs.aws_endpoint_url or f"https://s3.{stack.outputs.region}.amazonaws.com"
    response = requests.get(f"{s3}/{bucket}/{folder}/hello.txt", verify=stack.outputs.aws_ca_bundle or True, timeout=30)
    assert response.status_code == 403


# --- the functions: what each role allows


@pytest.fixture(scope="module")
def probes(stack: Stack) -> Iterator[Any]:
    with probing(stack) as probe:
        yield probe


def signing_parameter(stack: Stack) -> str:
    named = {"Key": "Name", "Option": "BeginsWith", "Values": [f"/{stack.name}/signing-keys/"]}
    parameters = stack.client("ssm").describe_parameters(ParameterFilters=[named])["Parameters"]
    return str(max(parameters, key=lambda each: each["LastModifiedDate"])["Name"])  # there are two during a rotation


def test_function_that_signs_can_read_its_key(stack: Stack, probes: Any) -> None:
    assert probes("Url", "ssm", "get_parameter", Name=signing_parameter(stack), WithDecryption=True) == "allowed"


def test_function_that_signs_can_neither_read_nor_list_nor_write_files(stack: Stack, probes: Any) -> None:
    bucket, key = stack.outputs.bucket_name, "files/hello.txt"
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
    assert probes("Files", "s3", "list_objects_v2", Bucket=stack.outputs.bucket_name, Prefix="files/") == "allowed"


def test_function_that_lists_can_neither_read_files_nor_list_other_folders(stack: Stack, probes: Any) -> None:
    assert denied(probes("Files", "s3", "get_object", Bucket=stack.outputs.bucket_name, Key="files/hello.txt"))
    assert denied(probes("Files", "s3", "list_objects_v2", Bucket=stack.outputs.bucket_name, Prefix="elsewhere/"))


def test_function_that_lists_cannot_read_the_key(stack: Stack, probes: Any) -> None:
    assert denied(probes("Files", "ssm", "get_parameter", Name=signing_parameter(stack), WithDecryption=True))


def test_function_that_checks_rotations_can_neither_read_keys_nor_files(stack: Stack, probes: Any) -> None:
    assert denied(probes("Rotation", "ssm", "get_parameter", Name=signing_parameter(stack), WithDecryption=False))
    assert denied(probes("Rotation", "s3", "get_object", Bucket=stack.outputs.bucket_name, Key="files/hello.txt"))


def test_function_that_mints_cannot_read_the_key_back(stack: Stack, probes: Any) -> None:
    assert denied(probes("Mint", "ssm", "get_parameter", Name=signing_parameter(stack), WithDecryption=True))
    assert denied(probes("Mint", "ssm", "get_parameter", Name=signing_parameter(stack), WithDecryption=False))


# --- no key and no signed URL is stored


@pytest.mark.only_local("CloudFront delivers its log within an hour")
def test_log_says_who_opened_which_file_and_holds_no_signature(stack: Stack, url: str) -> None:
    assert requests.get(url, timeout=30, headers={"User-Agent": "the-journey"}).status_code == 200
    logs = stack.client("logs")
    [group] = [
        each["logGroupName"] for each in logs.describe_log_groups()["logGroups"] if "CdnAccess" in each["logGroupName"]
    ]
    found: list[str] = []
    end = time.monotonic() + 30
    while not found and time.monotonic() < end:
        events = logs.filter_log_events(logGroupName=group, filterPattern='"the-journey"')["events"]
        found = [event["message"] for event in events]
        time.sleep(0.2)
    record = json.loads(found[0])
    assert record["cs-uri-stem"] == urlsplit(url).path
    assert (record["c-ip"], record["cs-method"], record["sc-status"]) == ("127.0.0.1", "GET", "200")
    assert "Signature" not in found[0]


@pytest.mark.only_local("logs arrive late in CloudWatch, and an account can have too many to read")
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


def test_api_key_opens_the_api_if_auth_is_off(open_stack: Stack) -> None:
    assert "hello.txt" in execute(open_stack, "{ getFiles }", {"x-api-key": open_stack.outputs.api_key})["getFiles"]


def test_no_key_or_a_wrong_one_is_refused_if_auth_is_off(open_stack: Stack) -> None:
    for headers in ({}, {"x-api-key": "da2-0000000000000000000000000"}, {"Authorization": "x"}):
        assert post(open_stack, headers).status_code == 401


def test_page_needs_no_sign_in_if_an_api_key_opens_the_api(open_stack: Stack) -> None:
    with chromium() as browser, watched(browser) as watch:
        watch.provoked.append("403 (Forbidden)")  # URLs live for one second here, and the page renews what it needs
        watch.page.goto(f"{open_stack.outputs.frontend_url}/#/notes/visitors.csv")
        expect(watch.page.get_by_role("dialog").get_by_role("columnheader", name="day")).to_be_visible()
        watch.page.get_by_role("button", name="Close").click()
        expect(watch.page.get_by_role("heading", name="notes")).to_be_visible()
        expect(watch.page.get_by_role("button", name="Sign out")).to_have_count(0)


def test_expired_url_is_refused(open_stack: Stack) -> None:
    url = get_url(open_stack, {"x-api-key": open_stack.outputs.api_key}, "hello.txt")
    expires = int(url.partition("Expires=")[2].partition("&")[0])
    while time.time() < expires:
        time.sleep(0.05)
    assert refused_by(requests.get(url, timeout=30)) == "edge"


# --- the hosted page


@pytest.fixture(scope="module")
def hosted_host(open_stack: Stack) -> str:
    """The host name of the page's distribution."""
    [described] = open_stack.client("cloudformation").describe_stacks(StackName="PrivateFiles")["Stacks"]
    [url] = [output["OutputValue"] for output in described["Outputs"] if output["OutputKey"] == "FrontendUrl"]
    assert isinstance(url, str)
    return url.removeprefix("https://")


@pytest.fixture(scope="module")
def hosted(open_stack: Stack, hosted_host: str) -> Callable[[str], requests.Response]:
    """Request a path from the page's distribution."""

    def get(path: str) -> requests.Response:
        address, authority = open_stack.outputs.aws_endpoint_url + path, open_stack.outputs.aws_ca_bundle
        return requests.get(address, headers={"Host": hosted_host}, verify=authority, timeout=30)

    return get


def test_hosted_page_is_what_was_built_and_is_revalidated_each_time(hosted: Callable[[str], requests.Response]) -> None:
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


def test_hosted_page_gets_the_outputs_of_its_stack(
    open_stack: Stack, hosted: Callable[[str], requests.Response]
) -> None:
    configuration = hosted("/config.json")
    assert configuration.headers["Content-Type"] == "application/json"
    assert configuration.headers["Cache-Control"] == "no-cache"
    api = open_stack.client("appsync").list_graphql_apis()["graphqlApis"][0]
    assert configuration.json() == {
        "GraphqlUrl": api["uris"]["GRAPHQL"],
        "CdnUrl": open_stack.outputs.cdn_url,
        "Region": open_stack.outputs.region,
        "ApiKey": open_stack.outputs.api_key,
    }


def test_hosted_page_comes_with_its_policy(open_stack: Stack, hosted: Callable[[str], requests.Response]) -> None:
    headers, configuration = hosted("/").headers, hosted("/config.json").json()
    directives = [directive.split() for directive in headers["Content-Security-Policy"].split(";")]
    policy = {name: sources for name, *sources in directives}
    assert policy["connect-src"] == ["'self'", configuration["GraphqlUrl"], open_stack.outputs.cdn_url]
    assert policy["default-src"] == policy["frame-ancestors"] == ["'none'"]
    assert headers["Strict-Transport-Security"].startswith("max-age=31536000")
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_hosted_page_shows_the_files_in_a_browser(
    open_stack: Stack, hosted_host: str, hosted: Callable[[str], requests.Response]
) -> None:
    # The name of CloudFront resolves to the AWS emulator here, whose certificate has another name. The API is the local
    # one, whose address is not the one in the page's configuration.
    aws = urlsplit(open_stack.outputs.aws_endpoint_url).netloc
    api = hosted("/config.json").json()["GraphqlUrl"]

    def send_on(route: Route) -> None:
        request = route.request
        kept = {name: value for name, value in request.headers.items() if name in ("content-type", "x-api-key")}
        body = request.post_data_buffer
        response = requests.request(request.method, open_stack.outputs.graphql_url, data=body, headers=kept, timeout=30)
        route.fulfill(status=response.status_code, headers=dict(response.headers), body=response.content)

    with (
        chromium(f"--host-resolver-rules=MAP *:443 {aws}") as browser,
        watched(browser, ignore_https_errors=True) as watch,
    ):
        watch.page.route(api, send_on)
        watch.provoked += [f"a request to {hosted_host}", f"a request to {urlsplit(api).hostname}"]
        watch.page.goto(f"https://{hosted_host}/#/notes/")
        expect(watch.page.get_by_text("visitors.csv")).to_be_visible()


def test_direct_request_to_the_bucket_of_the_hosted_page_is_refused(
    open_stack: Stack, hosted: Callable[[str], requests.Response]
) -> None:
    buckets = [bucket["Name"] for bucket in open_stack.client("s3").list_buckets()["Buckets"]]
    [bucket] = [name for name in buckets if "frontend" in name]
    address = f"{open_stack.outputs.aws_endpoint_url}/{bucket}/index.html"
    assert requests.get(address, verify=open_stack.outputs.aws_ca_bundle, timeout=30).status_code == 403
    assert hosted("/no-such-file").status_code == 403


# --- make up


@pytest.mark.only_local("it is about make up")
@pytest.mark.parametrize("option", ["--aws-port", "--rest-port"])
def test_taken_port_is_one_line_that_names_it(tmp_path: Path, option: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ports = dict.fromkeys(
            ("--aws-port", "--graphql-port", "--cdn-port", "--frontend-port", "--rest-port", "--uploads-port"), "0"
        )
        command = [sys.executable, "-m", "local", "--directory", str(tmp_path)]
        command += itertools.chain.from_iterable((ports | {option: port}).items())
        done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert f"Port {port} on 127.0.0.1 is taken" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.only_local("it is about make up")
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
    except OSError:  # now closed
        return ""


# --- the command line


def private_files(stack: Stack, directory: Path, *arguments: str) -> list[Any]:
    """Return what the command prints with --json, as the demo user and with the root key of the AWS emulator."""
    outputs = directory / "outputs.json"
    outputs.write_text(json.dumps(stack.outputs.to_json()))
    command = [sys.executable, "-m", "private_files", *arguments, "--json", "--outputs", str(outputs)]
    environment = dict(os.environ)
    if stack.is_local:
        environment |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
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
    head = stack.client("s3").head_object(Bucket=stack.outputs.bucket_name, Key="files/cli/é/large.bin")
    assert "-" in head["ETag"]  # a multipart upload
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
            ClientId=stack.outputs.user_pool_client_id,
            AuthParameters={"REFRESH_TOKEN": kept["refresh"]},
        )


@pytest.mark.only_local("requests may reach several edge locations, each with a cache of its own")
def test_edge_keeps_a_file_as_its_headers_say_and_notices_that_it_changed(stack: Stack, user: dict[str, str]) -> None:
    def put(body: bytes) -> None:
        key = f"{stack.outputs.files_folder}/replaced.bin"
        stack.client("s3").put_object(Bucket=stack.outputs.bucket_name, Key=key, Body=body, CacheControl="max-age=2")

    def opened() -> tuple[bytes, str]:
        response = requests.get(signed, timeout=30)
        return response.content, response.headers["X-Cache"].removesuffix(" from cloudfront")

    put(b"old")
    signed = get_url(stack, user, "replaced.bin")
    first, second = opened(), opened()
    assert (first, second) == ((b"old", "Miss"), (b"old", "Hit"))
    deadline = time.monotonic() + 30
    while (found := opened())[1] == "Hit":
        assert time.monotonic() < deadline
    assert found == (b"old", "RefreshHit")
    put(b"new")
    while (found := opened())[0] == b"old":
        assert time.monotonic() < deadline
    assert found == (b"new", "Miss")


def test_page_may_show_an_image_then_read_it_with_any_header(url: str) -> None:
    origin = {"Origin": "https://page.example"}
    image, fetched = requests.get(url, timeout=30), requests.get(url, headers=origin, timeout=30)
    assert "Origin" in image.headers["Vary"]
    assert (fetched.headers["Vary"], fetched.headers["Access-Control-Allow-Origin"]) == (image.headers["Vary"], "*")
    wanted = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "x-any, range"}
    preflight = requests.options(url, headers=origin | wanted, timeout=30)
    assert (preflight.status_code, preflight.headers["Access-Control-Allow-Origin"]) == (200, "*")
    assert "Accept-Ranges" in preflight.headers["Access-Control-Expose-Headers"]
    assert refused_by(requests.options(url.partition("?")[0], headers=origin | wanted, timeout=30)) == "edge"


def test_signature_sent_again_as_a_policy_or_as_cookies_opens_the_same_file_only(
    stack: Stack, user: dict[str, str], url: str
) -> None:
    base, _, query = url.partition("?")
    parameters = dict(parameter.split("=", 1) for parameter in query.split("&"))
    condition = f'{{"DateLessThan":{{"AWS:EpochTime":{parameters["Expires"]}}}}}'
    policy = f'{{"Statement":[{{"Resource":"{base}","Condition":{condition}}}]}}'
    encoded = base64.b64encode(policy.encode()).decode().translate(str.maketrans("+=/", "-_~"))
    custom = {"Policy": encoded} | {name: value for name, value in parameters.items() if name != "Expires"}
    other = get_url(stack, user, "folder/other.txt").partition("?")[0]
    for signed in (parameters, custom):
        query = "&".join(f"{name}={value}" for name, value in signed.items())
        cookies = {f"CloudFront-{name}": value for name, value in signed.items()}
        assert requests.get(f"{base}?{query}", timeout=30).status_code == 200
        assert requests.get(base, cookies=cookies, timeout=30).status_code == 200
        assert refused_by(requests.get(f"{other}?{query}", timeout=30)) == "edge"
        assert refused_by(requests.get(other, cookies=cookies, timeout=30)) == "edge"
