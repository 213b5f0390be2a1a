"""The command line, against a server on this machine that responds as AppSync and Cognito do."""

import contextlib
import json
import os
import socket
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import trustme
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from gql.transport.appsync_auth import AppSyncApiKeyAuthentication

import private_files
from private_files import aws, command_line, network, settings, shown_text
from private_files.api import PrivateFiles
from private_files.cognito import Cognito
from private_files.failures import Failure, Unconfigured
from private_files.outputs import Outputs
from tests.command_line import (
    FIRST_TIME,
    KEY,
    PASSWORD,
    SIGNED,
    SIGNED_IN,
    TOKEN,
    WRONG_PASSWORD,
    Server,
    Terminal,
    server,
    terminal,
    with_key,
    with_users,
)

pytestmark = pytest.mark.slow  # every test starts the command line, a process of its own

__all__ = ["server", "terminal", "with_key", "with_users"]

NAMED = ("--outputs", settings.DEFAULT_OUTPUTS)


def test_files_are_printed_one_per_line(with_key: Terminal) -> None:
    assert with_key.run("files") == (0, "a b.txt\nété.jpg\n", "")


def test_files_are_printed_as_json(with_key: Terminal) -> None:
    code, out, _ = with_key.run("--json", "files")
    assert (code, json.loads(out)) == (0, ["a b.txt", "été.jpg"])


def test_empty_listing_prints_nothing(with_key: Terminal, server: Server) -> None:
    server.graphql = {"data": {"getFiles": []}}
    assert with_key.run("files") == (0, "", "")


def found(*names: str) -> Any:
    """Return the response to `url` for files that exist."""
    return {"data": {f"n{number}": {"name": name, "url": SIGNED} for number, name in enumerate(names)}}


def test_url_is_printed_alone(with_key: Terminal, server: Server) -> None:
    server.graphql = found("a b.txt")
    assert with_key.run("url", "a b.txt") == (0, f"{SIGNED}\n", "")
    assert server.requests[0].json["variables"]["n0"] == "a b.txt"


def test_url_is_printed_as_json_with_its_file(with_key: Terminal, server: Server) -> None:
    server.graphql = found("-dash.txt")
    code, out, _ = with_key.run("url", "--json", "--", "-dash.txt")
    assert (code, json.loads(out)) == (0, {"file": "-dash.txt", "url": SIGNED})


def test_name_is_escaped_on_a_terminal_that_lacks_its_characters(with_key: Terminal) -> None:
    assert with_key.run("files", PYTHONIOENCODING="ascii") == (0, "a b.txt\n\\xe9t\\xe9.jpg\n", "")


def test_control_characters_of_names_are_escaped(with_key: Terminal, server: Server) -> None:
    names = ["a\x1b[2Jb", "line\nbreak", "\x9b", "\u2028", "\u200fok", "a\u200db \u00a0"]
    server.graphql = {"data": {"getFiles": names}}
    code, out, _ = with_key.run("files")
    assert (code, out.splitlines()) == (0, ["a\\x1b[2Jb", "line\\nbreak", "\\x9b", "\\u2028", *names[4:]])
    assert json.loads(with_key.run("files", "--json")[1]) == names
    assert shown_text.escaped("\u202eab", terminal=True) == "\\u202eab"


@pytest.mark.parametrize(
    "arguments",
    [
        ["url", SIGNED],
        ["url", SIGNED.removeprefix("https://")],
        ["get", SIGNED],
        ["get", quote(SIGNED, safe="")],
        ["get", "--prefix", SIGNED],
        ["get", "a", "-o", SIGNED],
        ["put", SIGNED],
        ["put", "a", "--as", SIGNED],
        ["put", "a", "--prefix", SIGNED],
        ["files", "--outputs", SIGNED],
        ["explain", "x", "--public-key", SIGNED],
        ["get", "https://s3.example.com/a?X-Amz-Signature=signed-secret"],
        ["url", "https://files.example.com/a"],
        [SIGNED],
        ["files", f"--{SIGNED}"],
        ["completion", SIGNED],
    ],
)
def test_url_instead_of_a_name_is_refused_and_not_shown(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        command_line.parse(arguments)
    err = capsys.readouterr().err
    assert (exit_.value.code, "signed-secret" in err) == (2, False)


def test_closed_pipe_prints_no_error(with_key: Terminal) -> None:
    with with_key.start("files") as process:
        assert process.stdout and process.stderr
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 141


def test_output_that_cannot_be_written_is_named(with_key: Terminal) -> None:
    with Path("/dev/full").open("w") as full, with_key.start("files", stdout=full) as process:
        assert process.stderr
        assert process.stderr.read() == "Standard output: No space left on device\n"
    assert process.returncode == 2


def test_busy_api_is_unreachable(with_key: Terminal, server: Server) -> None:
    server.status, server.graphql = 429, {"errors": [{"errorType": "TooManyRequestsException", "message": "Rate"}]}
    assert with_key.run("files") == (4, "", "TooManyRequestsException: Rate\n")


def test_stopped_function_is_explained(with_key: Terminal, server: Server) -> None:
    server.graphql = {"data": None, "errors": [{"errorType": "Lambda:TooManyRequestsException", "message": "Rate"}]}
    code, _, error = with_key.run("files")
    assert code == 4
    assert error == (
        "Lambda:TooManyRequestsException: Rate "
        "(The service is busy, or an administrator has stopped it. Try again later.)\n"
    )


def test_api_key_goes_into_its_header(with_key: Terminal, server: Server) -> None:
    with_key.run("files")
    assert server.requests[0].headers["x-api-key"] == KEY
    assert "authorization" not in server.requests[0].headers


def test_iam_request_is_signed_as_botocore_signs_it(with_users: Terminal, server: Server) -> None:
    identity = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret-of-aws", "AWS_SESSION_TOKEN": "st"}
    assert with_users.run("files", "--auth", "iam", *NAMED, **identity)[0] == 0
    [request] = server.requests
    scope, signed, _ = request.headers["authorization"].split(", ")
    assert scope.split("/", 2)[2] == "us-east-1/appsync/aws4_request"
    names = signed.removeprefix("SignedHeaders=").split(";")
    assert "host" in names
    again = AWSRequest(
        "POST",
        f"{server.url}/graphql",
        headers={name: request.headers[name] for name in names if name != "x-amz-security-token"},
        data=request.body,
    )
    again.context["timestamp"] = request.headers["x-amz-date"]
    signer = SigV4Auth(Credentials("AKIDEXAMPLE", "secret-of-aws", "st"), "appsync", "us-east-1")
    again.headers["X-Amz-Security-Token"] = request.headers["x-amz-security-token"]
    signature = signer.signature(signer.string_to_sign(again, signer.canonical_request(again)), again)
    assert request.headers["authorization"].endswith(f"Signature={signature}")


def test_iam_without_credentials_names_the_variables_to_set(with_users: Terminal) -> None:
    code, _, err = with_users.run("files", "--auth", "iam", *NAMED)
    assert (code, err.count("\n")) == (2, 1)
    assert "AWS_ACCESS_KEY_ID" in err


def test_demo_user_signs_in_and_sends_the_bare_token(with_users: Terminal, server: Server) -> None:
    assert with_users.run("files")[0] == 0
    assert server.requests[0].headers["authorization"] == TOKEN
    assert server.sign_ins[0].json["AuthFlow"] == "USER_SRP_AUTH"
    assert server.sign_ins[0].json["AuthParameters"]["USERNAME"] == "demo@example.com"


def test_password_never_leaves_the_machine(with_users: Terminal, server: Server) -> None:
    with_users.run("files")
    assert len(server.sign_ins) == 2
    assert not [request for request in server.sign_ins if PASSWORD.encode() in request.body]


def test_wrong_password_is_refused(with_users: Terminal, server: Server) -> None:
    server.sign_in = [WRONG_PASSWORD]
    code, _, err = with_users.run("files")
    assert (code, err.startswith("NotAuthorizedException: Incorrect username or password. ")) == (3, True)
    assert "capital letters can count" in err


def test_unknown_client_of_the_pool_is_refused(with_users: Terminal, server: Server) -> None:
    server.sign_in = [(400, {"__type": "ResourceNotFoundException", "message": "Client x not found."})]
    assert with_users.run("files") == (3, "", "ResourceNotFoundException: Client x not found.\n")


@pytest.mark.parametrize("response", [{}, {"AuthenticationResult": {}}, {"AuthenticationResult": {"ExpiresIn": 5}}, []])
def test_odd_response_of_cognito_is_a_sentence(server: Server, response: Any) -> None:
    server.sign_in = [(200, response)]
    with pytest.raises(Failure):
        Cognito(Outputs.from_json(server.outputs())).sign_in("me", PASSWORD)


def test_sign_in_reads_no_aws_configuration(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").write_text("[broken")
    monkeypatch.setenv("AWS_PROFILE", "none-of-this-name")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    assert Cognito(Outputs.from_json(server.outputs())).sign_in("me", PASSWORD).access == TOKEN


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("AWS_PROFILE", "none-of-this-name"),
        ("AWS_CONFIG_FILE", "broken"),
        ("AWS_CA_BUNDLE", "/missing.pem"),
        ("AWS_RETRY_MODE", "never"),
        ("HTTPS_PROXY", "socks5://h:1"),
        ("AWS_ENDPOINT_URL", "http://aws.example.com"),
    ],
)
def test_broken_aws_configuration_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("broken").write_text("[broken")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "k")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    monkeypatch.setenv(variable, value)
    with pytest.raises(Failure):
        aws.client(Outputs(region="us-east-1"), "s3")


def test_every_client_trusts_and_passes_the_same(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(bundle)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "k")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NO_PROXY", "no_proxy", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    monkeypatch.setenv("ALL_PROXY", "http://proxy:3128")
    http = aws.client(Outputs(region="us-east-1"), "s3")._endpoint.http_session
    assert (http._verify, http._proxy_config.proxy_url_for("https://s3/")) == (str(bundle), "http://proxy:3128")
    local = Outputs(region="us-east-1", aws_endpoint_url="http://127.0.0.1:1")
    assert aws.client(local, "s3")._endpoint.http_session._proxy_config.proxy_url_for("http://127.0.0.1:1/") is None


def test_first_sign_in_without_a_terminal_says_so(with_users: Terminal, server: Server) -> None:
    server.sign_in = [FIRST_TIME]
    code, _, err = with_users.run("files")
    assert (code, err.count("\n")) == (3, 1)
    assert "a first sign-in needs a terminal" in err


def test_other_user_without_a_terminal_is_told_how_to_give_the_password(with_users: Terminal, server: Server) -> None:
    code, _, err = with_users.run("files", "--username", "other@example.com")
    assert (code, err.count("\n"), server.sign_ins) == (3, 1, [])
    assert "PRIVATE_FILES_PASSWORD" in err


def test_password_prompts_do_not_echo(with_users: Terminal, server: Server) -> None:
    server.sign_in = [FIRST_TIME, SIGNED_IN]
    keyboard, stdin = os.openpty()
    with with_users.start("files", "--username", "new@example.com", stdin=stdin) as process:
        assert process.stdout and process.stderr
        shown = ""
        for prompt, typed in (("new@example.com: ", PASSWORD), ("New password: ", "N3w!"), ("Again: ", "N3w!")):
            while not shown.endswith(prompt):
                letter = process.stderr.read(1)
                assert letter, shown
                shown += letter
            os.write(keyboard, f"{typed}\n".encode())
        assert process.stdout.read() == "a b.txt\nété.jpg\n"
        shown += process.stderr.read()
    os.set_blocking(keyboard, False)
    with contextlib.suppress(BlockingIOError):
        shown += os.read(keyboard, 1000).decode()
    os.close(stdin)
    os.close(keyboard)
    assert not [secret for secret in (PASSWORD, "N3w!", TOKEN) if secret in shown]
    assert server.sign_ins[-1].json["ChallengeResponses"]["NEW_PASSWORD"] == "N3w!"


ACCESS = [
    {"prefix": "", "read": True, "write": False, "delete": False},
    {"prefix": "home/\x1b[2Ja/", "read": True, "write": True, "delete": True},
]


def test_access_is_printed_one_prefix_per_line(with_key: Terminal, server: Server) -> None:
    server.graphql = {"data": {"getAccess": ACCESS}}
    lines = "read                 (all files)\nread, write, delete  home/\\x1b[2Ja/\n"
    assert with_key.run("access") == (0, lines, "")
    code, out, _ = with_key.run("access", "--json")
    assert (code, json.loads(out)) == (0, ACCESS)


def test_caller_who_may_do_nothing_is_told_so(with_key: Terminal, server: Server) -> None:
    server.graphql = {"data": {"getAccess": []}}
    assert with_key.run("access") == (0, "The access rules allow you nothing.\n", "")


@pytest.mark.parametrize(
    "found",
    [5, [5], [{}], [{"prefix": "a"}], [ACCESS[0] | {"read": []}], [ACCESS[0] | {"read": 1}], [ACCESS[0] | {"more": 1}],
     [ACCESS[0] | {"prefix": None}]],
)  # fmt: skip
def test_access_of_another_form_is_one_sentence(with_key: Terminal, server: Server, found: Any) -> None:
    server.graphql = {"data": {"getAccess": found}}
    code, out, err = with_key.run("access")
    assert (code, out) == (4, "")
    assert err == "The response of the API to getAccess does not have the expected form: is this the right API?\n"


def test_refusal_by_the_access_rules_names_the_command_that_prints_them(with_key: Terminal, server: Server) -> None:
    error = {"path": ["getUrl"], "errorType": "NotAllowed", "message": "You may not read 'x'."}
    server.graphql = {"data": {"getUrl": None}, "errors": [error]}
    hint = " (`private-files access` prints it.)"
    assert with_key.run("url", "x") == (1, "", f"NotAllowed: You may not read 'x'.{hint}\n")
    refused = {"file": "x", "url": None, "errorType": "NotAllowed", "errorMessage": "You may not read 'x'."}
    server.graphql = {"data": {"getUrls": [refused]}}
    assert with_key.run("get", "x") == (5, "", f"x: NotAllowed: You may not read 'x'.{hint}\n")


@pytest.mark.parametrize("arguments", [("rm", "a"), ("put", "--auth", "api-key", "file.txt")])
@pytest.mark.parametrize(
    "message",
    [
        "Validation error of type UnknownType: Unknown type NewFile",
        "Schema is not configured for mutations.",
        "Schema is not configured to execute mutation operation.",
    ],
)
def test_api_without_uploads_is_named(
    with_key: Terminal, server: Server, arguments: tuple[str, ...], message: str
) -> None:
    (with_key.directory / "file.txt").write_text("x")
    server.graphql = {"data": None, "errors": [{"path": None, "message": message}]}
    code, out, err = with_key.run(*arguments)
    assert (code, out) == (1 if arguments[0] == "rm" else 5, "")
    assert err.endswith("This API neither takes nor deletes files: deploy it with uploads=on.\n")


def test_refusal_of_the_api_is_one_line(with_key: Terminal, server: Server) -> None:
    error = {"path": ["getUrl"], "errorType": "InvalidFileName", "message": "No such\nname \x1b[2J."}
    server.graphql = {"data": {"getUrl": None}, "errors": [error]}
    assert with_key.run("url", "../x") == (1, "", "InvalidFileName: No such name  [2J.\n")


def test_error_without_a_type_is_its_message(with_key: Terminal, server: Server) -> None:
    server.graphql = {"data": None, "errors": [{"path": None, "message": "Validation error."}]}
    assert with_key.run("files") == (1, "", "Validation error.\n")


def test_null_without_an_error_is_a_refusal(with_key: Terminal, server: Server) -> None:
    server.graphql = {"data": {"getFiles": None}}
    assert with_key.run("files") == (1, "", "The API returned nothing for getFiles.\n")


@pytest.mark.parametrize(
    "response",
    [
        {"errors": 5},
        {"errors": "x"},
        {"errors": {"message": "x"}},
        {"errors": [5]},
        {"errors": [None]},
        {"errors": [{"message": 5, "errorType": ["x"]}]},
        {"errors": [{"message": None}], "data": 5},
        {"errors": [{"message": "x"}], "data": [1]},
        {"data": 5},
        {"data": []},
        {"data": {}},
        {"errors": True},
        [],
        [1],
        5,
        "data",
        b"",
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_response_with_odd_types_is_a_sentence(server: Server, response: Any) -> None:
    server.graphql = response
    api = PrivateFiles(f"{server.url}/graphql", AppSyncApiKeyAuthentication(host="", api_key=KEY))
    with pytest.raises(Failure) as failure:
        api.names()
    assert str(failure.value).endswith(".") or "x" in str(failure.value)
    assert "object" not in str(failure.value)


def test_api_key_does_not_follow_a_redirect(server: Server) -> None:
    server.status, server.graphql = 307, b"<html>"
    server.location = f"{server.url}/elsewhere"
    api = PrivateFiles(f"{server.url}/graphql", AppSyncApiKeyAuthentication(host="", api_key=KEY))
    with pytest.raises(Failure):
        api.names()
    assert len(server.requests) == 1


def test_caller_unknown_to_the_api_is_refused(with_key: Terminal, server: Server) -> None:
    message = "You are not authorized to make this call."
    server.status, server.graphql = 401, {"errors": [{"errorType": "UnauthorizedException", "message": message}]}
    assert with_key.run("files") == (3, "", f"UnauthorizedException: {message}\n")


@pytest.mark.parametrize(("status", "code"), [(403, 3), (502, 4), (200, 4)])
def test_response_that_is_not_graphql_is_not_shown(with_key: Terminal, server: Server, status: int, code: int) -> None:
    server.status, server.graphql = status, b"<html>signed-secret</html>"
    found, out, err = with_key.run("files")
    assert (found, out, err.count("\n")) == (code, "", 1)
    assert f"{server.url}/graphql" in err


def test_api_that_does_not_listen_is_named(terminal: Terminal) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/graphql"
        code, out, err = terminal.run("files", "--graphql-url", url, "--api-key", KEY)
    assert (code, out, err.count("\n")) == (4, "", 1)
    assert err.startswith(f"{url} cannot be reached: ")
    assert "object at" not in err


def test_cognito_that_does_not_listen_is_unreachable(with_users: Terminal) -> None:
    code, _, err = with_users.run("files", "--aws-endpoint-url", "http://127.0.0.1:1")
    assert (code, err.count("\n")) == (4, 1)
    assert err.startswith("Cognito cannot be reached: ")


def test_missing_value_is_named_with_the_ways_to_set_it(terminal: Terminal) -> None:
    code, _, err = terminal.run("files")
    assert (code, err.count("\n")) == (2, 1)
    for way in ("GraphqlUrl is missing", "--graphql-url", "PRIVATE_FILES_GRAPHQL_URL", "--outputs", "make up"):
        assert way in err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["files"],
        ["access"],
        ["url"],
        ["get"],
        ["put"],
        ["rm"],
        ["ls"],
        ["use"],
        ["login"],
        ["logout"],
        ["completion"],
        ["explain"],
    ],
)
def test_help_has_examples_and_exit_codes(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        command_line.parse([*arguments, "--help"])
    shown = capsys.readouterr().out
    assert exit_.value.code == 0
    assert f"  private-files {' '.join(arguments)}" in shown
    assert "\nexit codes:\n" in shown


@pytest.mark.parametrize(
    "arguments", [[], ["url"], ["files", "x"], ["files", "--auth", "x"], ["files", "--password", "x"]]
)
def test_wrong_usage_exits_with_two(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        command_line.parse(arguments)
    assert exit_.value.code == 2


def test_empty_option_is_refused() -> None:
    with pytest.raises(SystemExit):
        command_line.parse(["files", "--api-key", ""])


@pytest.mark.parametrize("arguments", [["--region", "r", "files"], ["files", "--region", "r"]])
def test_option_may_precede_or_follow_the_command(arguments: list[str]) -> None:
    assert command_line.parse(arguments).obj["region"] == "r"


def test_option_after_the_command_takes_precedence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRIVATE_FILES_REGION", "variable")
    assert command_line.parse(["--region", "first", "files", "--region", "second"]).obj["region"] == "second"
    assert command_line.parse(["--region", "first", "files"]).obj["region"] == "first"


@pytest.mark.parametrize(
    ("arguments", "nearest"),
    [(["acces"], "access"), (["get", "--prefx", "x"], "--prefix"), (["--jsn", "url"], "--json")],
)
def test_mistyped_command_or_option_names_the_nearest(
    arguments: list[str], nearest: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        command_line.parse(arguments)
    assert (exit_.value.code, f"Did you mean '{nearest}'?" in capsys.readouterr().err) == (2, True)


def test_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        command_line.parse(["--version"])
    assert (exit_.value.code, capsys.readouterr().out) == (0, f"private-files {version('private-files')}\n")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_of_the_shell(terminal: Terminal, shell: str) -> None:
    code, script, err = terminal.run("completion", shell)
    assert (code, err) == (0, "")
    assert f"_PRIVATE_FILES_COMPLETE={shell}_complete" in script


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["get", "--help"]])
def test_help_imports_no_slow_library(terminal: Terminal, arguments: list[str]) -> None:
    _, _, imported = terminal.run(*arguments, PYTHONPROFILEIMPORTTIME="1")
    assert not [name for name in ("gql", "boto3", "aiohttp", "rich", "cryptography") if f" {name}\n" in imported]


def test_package_connects_with_an_outputs_file(with_users: Terminal, server: Server) -> None:
    files = private_files.connect(outputs=str(with_users.directory / settings.DEFAULT_OUTPUTS))
    assert (files.names(), files.url("a b.txt")) == (["a b.txt", "été.jpg"], SIGNED)
    assert server.requests[0].headers["authorization"] == TOKEN


def test_unknown_setting_of_the_package_is_named() -> None:
    with pytest.raises(Unconfigured, match="There is no setting user_name"):
        private_files.connect(user_name="me")


@pytest.fixture
def here(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.chdir(terminal.directory)
    return terminal


def test_option_takes_precedence_over_variable_and_variable_over_file(
    here: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.write({"GraphqlUrl": "https://file/", "Region": "file", "ApiKey": "file", "UserPoolId": "file"})
    monkeypatch.setenv("PRIVATE_FILES_REGION", "variable")
    monkeypatch.setenv("PRIVATE_FILES_API_KEY", "variable")
    found = settings.find(command_line.parse(["files", "--region", "flag", *NAMED]).obj).outputs
    assert [found.region, found.api_key, found.user_pool_id] == ["flag", "variable", "file"]


def test_file_of_the_cdk_command_is_read(here: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    here.write({"Network": {"VpcId": "v"}, "PrivateFiles": {"GraphqlUrl": "https://a/graphql"}}, "cdk.json")
    assert settings.find({"outputs": "cdk.json"}).outputs.graphql_url == "https://a/graphql"
    monkeypatch.setenv("PRIVATE_FILES_OUTPUTS", "cdk.json")
    assert settings.find(command_line.parse(["files"]).obj).outputs.graphql_url == "https://a/graphql"


@pytest.mark.parametrize("outputs", [[], "x", {}, {"A": {"B": "c"}}])
def test_file_without_a_stack_is_refused(here: Terminal, outputs: Any) -> None:
    here.write(outputs, "x.json")
    with pytest.raises(Unconfigured, match=r"x\.json has no stack with a GraphqlUrl\."):
        settings.find({"outputs": "x.json"})


def test_file_that_is_named_and_missing_or_broken_is_refused(here: Terminal) -> None:
    file = here.directory / "x.json"
    with pytest.raises(Unconfigured, match=r"x\.json cannot be read"):
        settings.find({"outputs": "x.json"})
    file.write_text("{")
    with pytest.raises(Unconfigured, match=r"x\.json is not JSON"):
        settings.find({"outputs": "x.json"})


def test_key_of_the_stack_that_runs_here_is_not_sent_to_another_api(here: Terminal) -> None:
    here.write({"GraphqlUrl": "https://file/", "ApiKey": KEY})
    other = {"graphql_url": "https://other/"}
    assert settings.find(other).outputs.api_key == ""
    assert settings.find(other | {"outputs": settings.DEFAULT_OUTPUTS}).outputs.api_key == KEY


def test_password_of_the_demo_user_is_not_used_for_others(here: Terminal) -> None:
    here.write({"GraphqlUrl": "https://a/", "DemoUser": "demo", "DemoPassword": PASSWORD})
    named = {"outputs": settings.DEFAULT_OUTPUTS}
    assert settings.find(named).password == PASSWORD
    assert settings.find(named | {"username": "demo"}).password == PASSWORD
    assert settings.find(named | {"username": "other"}).password == ""
    assert settings.find(named | {"username": "other", "password": "own"}).password == "own"


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.com/graphql",
        "ftp://a/",
        "api.example.com",
        "https://",
        "http://[",
        "http://evil.example.com\\@127.0.0.1/",
        "https://user@a/",
        "http://127.0.0.1.example.com/",
        "https://a /",
    ],
)
def test_url_that_would_expose_a_token_in_transit_is_refused(url: str) -> None:
    with pytest.raises(Unconfigured, match="GraphqlUrl"):
        settings.graphql_url(Outputs(graphql_url=url))


@pytest.mark.parametrize(
    "url", ["https://a/graphql", "http://127.0.0.1:4567/graphql", "http://localhost/", "http://[::1]/"]
)
def test_https_and_this_machine_are_allowed(url: str) -> None:
    assert settings.graphql_url(Outputs(graphql_url=url)) == url


def test_bundle_that_is_missing_or_without_certificates_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").touch()
    for name in ("missing.pem", "empty.pem"):
        with pytest.raises(Unconfigured, match=f"{name} .*--ca-bundle"):
            network.trust(Outputs(aws_ca_bundle=str(tmp_path / name)))
