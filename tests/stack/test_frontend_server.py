"""The local server of the web page: what it serves, to whom, and which requests it forwards."""

from __future__ import annotations

import gzip
import http.client
import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from local import frontend
from tests.running_stack import Stack

OPERATION = "AWSCognitoIdentityProviderService."


def cognito(stack: Stack, operation: str, body: bytes = b"{}", method: str = "POST") -> requests.Response:
    headers = {"X-Amz-Target": operation}
    return requests.request(method, f"{stack.outputs.frontend_url}/cognito", data=body, headers=headers, timeout=30)


def test_configuration_has_what_the_page_needs_and_nothing_of_the_account(stack: Stack) -> None:
    config = requests.get(f"{stack.outputs.frontend_url}/config.json", timeout=30).json()
    outputs = stack.outputs.to_json()
    assert config.pop("CognitoUrl") == "cognito"
    assert config == {name: value for name, value in outputs.items() if name in frontend.CONFIG_KEYS}
    assert not set(config) & {"BucketName", "AwsEndpointUrl", "AwsCaBundle"}


def test_every_response_names_what_the_page_may_load(stack: Stack) -> None:
    for path in ("/", "/config.json", "/icon.svg", "/nothing-here"):
        headers = requests.get(stack.outputs.frontend_url + path, timeout=30).headers
        policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
        assert policy["default-src"] == policy["frame-ancestors"] == policy["form-action"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == "'self'"
        assert policy["connect-src"].split() == ["'self'", stack.outputs.graphql_url, stack.outputs.cdn_url]
        assert policy["frame-src"] == stack.outputs.cdn_url
        # A player's own media, and the empty track to which it adds subtitles.
        assert policy["media-src"].split() == ["blob:", "data:", stack.outputs.cdn_url]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"


def test_only_what_is_named_by_its_content_is_kept_for_ever(stack: Stack) -> None:
    asset = next((frontend.DIST / "assets").glob("*.js"))
    kept = requests.get(f"{stack.outputs.frontend_url}/assets/{asset.name}", timeout=30)
    assert kept.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    for path in ("/", "/config.json", "/assets/nothing.js"):
        assert requests.get(stack.outputs.frontend_url + path, timeout=30).headers["Cache-Control"] == "no-cache"


def test_script_comes_compressed_to_browsers_that_accept_it(stack: Stack) -> None:
    asset = max((frontend.DIST / "assets").glob("*.js"), key=lambda file: file.stat().st_size)
    url = f"{stack.outputs.frontend_url}/assets/{asset.name}"
    compressed = requests.get(url, headers={"Accept-Encoding": "gzip"}, stream=True, timeout=30)
    raw = compressed.raw.read(decode_content=False)
    assert (compressed.headers["Content-Encoding"], gzip.decompress(raw)) == ("gzip", asset.read_bytes())
    assert len(raw) < asset.stat().st_size / 2
    assert "Accept-Encoding" in compressed.headers["Vary"]
    plain = requests.get(url, headers={"Accept-Encoding": "identity"}, timeout=30)
    assert ("Content-Encoding" in plain.headers, plain.content) == (False, asset.read_bytes())


def test_page_is_not_served_under_a_name_of_somebody_else(stack: Stack) -> None:
    address = urlsplit(stack.outputs.frontend_url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=30)
    connection.request("GET", "/config.json", headers={"Host": "rebound.example.com"})
    refused = connection.getresponse()
    assert refused.status == 403
    assert b"DemoPassword" not in refused.read()
    connection.close()


@pytest.mark.parametrize("operation", ["AdminCreateUser", "ListUsers", "SignUp", "initiateauth", ""])
def test_only_sign_ins_are_passed_on(stack: Stack, operation: str) -> None:
    assert cognito(stack, OPERATION + operation).status_code == 403
    assert cognito(stack, "SecretsManager.InitiateAuth").status_code == 403
    assert cognito(stack, OPERATION + "InitiateAuth", method="GET").status_code == 404


def test_refusal_of_a_sign_in_comes_back_as_cognito_gave_it(stack: Stack) -> None:
    body = json.dumps(
        {"ClientId": stack.outputs.user_pool_client_id, "AuthFlow": "REFRESH_TOKEN_AUTH", "AuthParameters": {}}
    )
    refused = cognito(stack, OPERATION + "InitiateAuth", body.encode())
    assert refused.status_code == 400
    assert "Exception" in refused.json()["__type"]


def test_large_request_is_not_passed_on(stack: Stack) -> None:
    assert cognito(stack, OPERATION + "InitiateAuth", bytes(70_000)).status_code == 413


def test_page_that_is_not_built_says_what_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frontend, "DIST", tmp_path)
    with pytest.raises(frontend.NotBuilt, match="Run `make"):
        frontend.check_built()
