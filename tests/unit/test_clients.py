"""The command line, against a server on this machine that answers as AppSync and Cognito do."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from private_files import command_line, settings
from private_files.failures import Unconfigured
from tests import PROJECT

SIGNED = "https://files.example.com/a%20b.txt?Expires=1&Signature=signed-secret&Key-Pair-Id=K1"
KEY = "da2-secret-key"
PASSWORD = "Secret-Password-1"
TOKEN = "secret.access.token"
SECRETS = ("signed-secret", KEY, PASSWORD, TOKEN, "secret-of-aws")
SIGNED_IN: tuple[int, Any] = (200, {"AuthenticationResult": {"AccessToken": TOKEN}})
WRONG_PASSWORD = (400, {"__type": "NotAuthorizedException", "message": "Incorrect username or password."})
FIRST_TIME = (200, {"ChallengeName": "NEW_PASSWORD_REQUIRED", "Session": "s" * 20, "ChallengeParameters": {}})


@dataclass
class Request:
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Server:
    """What it answers, and what it was asked; a test changes the parts it is about."""

    url: str
    status: int = 200
    graphql: Any = field(default_factory=lambda: {"data": {"getFiles": ["a b.txt", "été.jpg"], "getUrl": SIGNED}})
    sign_in: list[tuple[int, Any]] = field(default_factory=lambda: [SIGNED_IN])
    questions: list[Request] = field(default_factory=list)
    sign_ins: list[Request] = field(default_factory=list)

    def answer(self, request: Request) -> tuple[int, Any]:
        target = request.headers.get("x-amz-target", "")
        if not target:
            self.questions.append(request)
            return self.status, self.graphql
        self.sign_ins.append(request)
        if target.endswith("InitiateAuth") and request.json["AuthFlow"] == "USER_SRP_AUTH":
            challenge = {"USERNAME": "u1", "USER_ID_FOR_SRP": "u1", "SALT": "ab", "SRP_B": "cd", "SECRET_BLOCK": "c2Vj"}
            return 200, {"ChallengeName": "PASSWORD_VERIFIER", "ChallengeParameters": challenge}
        return self.sign_in.pop(0)

    def outputs(self, **values: str) -> dict[str, str]:
        """The outputs of a stack with a user pool, as `make up` writes them."""
        pool = {"UserPoolId": "us-east-1_Pool", "UserPoolClientId": "client1", "AwsEndpointUrl": self.url}
        demo = {"DemoUser": "demo@example.com", "DemoPassword": PASSWORD}
        return {"GraphqlUrl": f"{self.url}/graphql", "Region": "us-east-1", **pool, **demo, **values}


@pytest.fixture
def server() -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status, answer = said.answer(Request({name.lower(): value for name, value in self.headers.items()}, body))
            content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        said = Server(f"http://127.0.0.1:{http.server_port}")
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield said
        finally:
            http.shutdown()
            thread.join()


@dataclass
class Terminal:
    """A directory in which a person runs the command, with an outputs file in its usual place."""

    directory: Path

    def write(self, outputs: Any, name: str = settings.DEFAULT_OUTPUTS) -> None:
        file = self.directory / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(outputs))

    def start(
        self,
        *arguments: str,
        variables: Mapping[str, str] | None = None,
        stdin: int = subprocess.DEVNULL,
        stdout: int | IO[str] = subprocess.PIPE,
    ) -> subprocess.Popen[str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PRIVATE_FILES_"))}
        nowhere = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
        return subprocess.Popen(
            [sys.executable, "-m", "private_files", *arguments],
            cwd=self.directory,
            env={
                **clean,
                **nowhere,
                "AWS_EC2_METADATA_DISABLED": "true",
                "PYTHONPATH": str(PROJECT),
                **(variables or {}),
            },
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            start_new_session=True,  # whoever runs the tests is not asked for a password
        )

    def run(self, *arguments: str, **variables: str) -> tuple[int, str, str]:
        """Exit code, standard output and standard error; no run may show a secret on the latter."""
        with self.start(*arguments, variables=variables) as process:
            out, err = process.communicate(timeout=60)
        assert not [secret for secret in SECRETS if secret in err]
        assert "Traceback" not in err
        return process.returncode, out, err


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


@pytest.fixture
def with_key(terminal: Terminal, server: Server) -> Terminal:
    terminal.write({"GraphqlUrl": f"{server.url}/graphql", "Region": "us-east-1", "ApiKey": KEY})
    return terminal


@pytest.fixture
def with_users(terminal: Terminal, server: Server) -> Terminal:
    terminal.write(server.outputs())
    return terminal


def test_files_are_printed_one_a_line(with_key: Terminal) -> None:
    assert with_key.run("files") == (0, "a b.txt\nété.jpg\n", "")


def test_files_are_printed_as_json(with_key: Terminal) -> None:
    code, out, _ = with_key.run("--json", "files")
    assert (code, json.loads(out)) == (0, ["a b.txt", "été.jpg"])


def test_no_files_are_no_lines(with_key: Terminal, server: Server) -> None:
    server.graphql = {"data": {"getFiles": []}}
    assert with_key.run("files") == (0, "", "")


def test_url_is_printed_alone(with_key: Terminal, server: Server) -> None:
    assert with_key.run("url", "a b.txt") == (0, f"{SIGNED}\n", "")
    assert server.questions[0].json["variables"] == {"file": "a b.txt"}


def test_url_is_printed_as_json_with_its_file(with_key: Terminal) -> None:
    code, out, _ = with_key.run("url", "--json", "--", "-dash.txt")
    assert (code, json.loads(out)) == (0, {"file": "-dash.txt", "url": SIGNED})


def test_name_is_printed_on_a_terminal_without_its_letters(with_key: Terminal) -> None:
    assert with_key.run("files", PYTHONIOENCODING="ascii") == (0, "a b.txt\n\\xe9t\\xe9.jpg\n", "")


def test_reader_that_leaves_is_not_an_error_to_talk_about(with_key: Terminal) -> None:
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


def test_api_that_is_busy_is_no_answer(with_key: Terminal, server: Server) -> None:
    server.status, server.graphql = 429, {"errors": [{"errorType": "TooManyRequestsException", "message": "Rate"}]}
    assert with_key.run("files") == (4, "", "TooManyRequestsException: Rate\n")


def test_api_key_goes_into_its_header(with_key: Terminal, server: Server) -> None:
    with_key.run("files")
    assert server.questions[0].headers["x-api-key"] == KEY
    assert "authorization" not in server.questions[0].headers


def test_iam_request_is_signed_as_botocore_signs_it(with_users: Terminal, server: Server) -> None:
    identity = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret-of-aws", "AWS_SESSION_TOKEN": "st"}
    assert with_users.run("files", "--auth", "iam", **identity)[0] == 0
    [question] = server.questions
    scope, signed, _ = question.headers["authorization"].split(", ")
    assert scope.split("/", 2)[2] == "us-east-1/appsync/aws4_request"
    names = signed.removeprefix("SignedHeaders=").split(";")
    assert "host" in names
    again = AWSRequest(
        "POST",
        f"{server.url}/graphql",
        headers={name: question.headers[name] for name in names if name != "x-amz-security-token"},
        data=question.body,
    )
    again.context["timestamp"] = question.headers["x-amz-date"]
    signer = SigV4Auth(Credentials("AKIDEXAMPLE", "secret-of-aws", "st"), "appsync", "us-east-1")
    again.headers["X-Amz-Security-Token"] = question.headers["x-amz-security-token"]
    signature = signer.signature(signer.string_to_sign(again, signer.canonical_request(again)), again)
    assert question.headers["authorization"].endswith(f"Signature={signature}")


def test_iam_without_credentials_says_what_to_set(with_users: Terminal) -> None:
    code, _, err = with_users.run("files", "--auth", "iam")
    assert (code, err.count("\n")) == (2, 1)
    assert "AWS_ACCESS_KEY_ID" in err


def test_demo_user_signs_in_and_sends_the_bare_token(with_users: Terminal, server: Server) -> None:
    assert with_users.run("files")[0] == 0
    assert server.questions[0].headers["authorization"] == TOKEN
    assert server.sign_ins[0].json["AuthFlow"] == "USER_SRP_AUTH"
    assert server.sign_ins[0].json["AuthParameters"]["USERNAME"] == "demo@example.com"


def test_password_never_leaves_the_machine(with_users: Terminal, server: Server) -> None:
    with_users.run("files")
    assert len(server.sign_ins) == 2
    assert not [request for request in server.sign_ins if PASSWORD.encode() in request.body]


def test_wrong_password_is_refused(with_users: Terminal, server: Server) -> None:
    server.sign_in = [WRONG_PASSWORD]
    assert with_users.run("files") == (3, "", "NotAuthorizedException: Incorrect username or password.\n")


def test_unknown_client_of_the_pool_is_refused(with_users: Terminal, server: Server) -> None:
    server.sign_in = [(400, {"__type": "ResourceNotFoundException", "message": "Client x not found."})]
    assert with_users.run("files") == (3, "", "ResourceNotFoundException: Client x not found.\n")


def test_second_factor_is_named(with_users: Terminal, server: Server) -> None:
    server.sign_in = [(200, {"ChallengeName": "SOFTWARE_TOKEN_MFA", "Session": "s" * 20})]
    code, _, err = with_users.run("files")
    assert code == 3
    assert "SOFTWARE_TOKEN_MFA" in err


def test_first_sign_in_without_a_terminal_says_so(with_users: Terminal, server: Server) -> None:
    server.sign_in = [FIRST_TIME]
    code, _, err = with_users.run("files")
    assert (code, err.count("\n")) == (3, 1)
    assert "a first sign-in needs a terminal" in err


def test_other_user_without_a_terminal_is_told_where_the_password_goes(with_users: Terminal, server: Server) -> None:
    code, _, err = with_users.run("files", "--username", "other@example.com")
    assert (code, err.count("\n"), server.sign_ins) == (3, 1, [])
    assert "PRIVATE_FILES_PASSWORD" in err


def test_passwords_are_asked_for_without_echo(with_users: Terminal, server: Server) -> None:
    server.sign_in = [FIRST_TIME, FIRST_TIME, SIGNED_IN]
    keyboard, stdin = os.openpty()
    with with_users.start("files", "--username", "new@example.com", stdin=stdin) as process:
        assert process.stdout and process.stderr
        shown = ""
        for question, typed in (("new@example.com: ", PASSWORD), ("New password: ", "N3w!"), ("Again: ", "N3w!")):
            while not shown.endswith(question):
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


def test_refusal_of_the_api_is_one_line(with_key: Terminal, server: Server) -> None:
    error = {"path": ["getUrl"], "errorType": "InvalidFileName", "message": "No such\nname \x1b[2J."}
    server.graphql = {"data": {"getUrl": None}, "errors": [error]}
    assert with_key.run("url", "../x") == (1, "", "InvalidFileName: No such name  [2J.\n")


def test_error_without_a_type_is_its_message(with_key: Terminal, server: Server) -> None:
    server.graphql = {"data": None, "errors": [{"path": None, "message": "Validation error."}]}
    assert with_key.run("files") == (1, "", "Validation error.\n")


def test_null_without_an_error_is_a_refusal(with_key: Terminal, server: Server) -> None:
    server.graphql = {"data": {"getUrl": None}}
    assert with_key.run("url", "x") == (1, "", "The API answered getUrl with nothing.\n")


def test_caller_whom_the_api_does_not_know_is_refused(with_key: Terminal, server: Server) -> None:
    message = "You are not authorized to make this call."
    server.status, server.graphql = 401, {"errors": [{"errorType": "UnauthorizedException", "message": message}]}
    assert with_key.run("files") == (3, "", f"UnauthorizedException: {message}\n")


@pytest.mark.parametrize(("status", "code"), [(403, 3), (502, 4), (200, 4)])
def test_answer_that_is_not_graphql_is_not_shown(with_key: Terminal, server: Server, status: int, code: int) -> None:
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
    assert err.startswith(f"{url} does not answer: ")
    assert "object at" not in err


def test_cognito_that_does_not_listen_is_no_answer(with_users: Terminal) -> None:
    code, _, err = with_users.run("files", "--aws-endpoint-url", "http://127.0.0.1:1")
    assert (code, err.count("\n")) == (4, 1)
    assert err.startswith("Cognito does not answer: ")


def test_missing_value_is_named_with_the_ways_to_give_it(terminal: Terminal) -> None:
    code, _, err = terminal.run("files")
    assert (code, err.count("\n")) == (2, 1)
    for way in ("GraphqlUrl is missing", "--graphql-url", "PRIVATE_FILES_GRAPHQL_URL", "--outputs", "make up"):
        assert way in err


@pytest.mark.parametrize(
    "arguments", [[], ["files"], ["url"], ["get"], ["put"], ["login"], ["logout"], ["completion"], ["explain"]]
)
def test_help_holds_examples_and_exit_codes(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
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


def test_empty_flag_is_refused() -> None:
    with pytest.raises(SystemExit):
        command_line.parse(["files", "--api-key", ""])


@pytest.mark.parametrize("arguments", [["--region", "r", "files"], ["files", "--region", "r"]])
def test_flag_may_stand_before_or_behind_the_command(arguments: list[str]) -> None:
    assert command_line.parse(arguments).flags["--region"] == "r"


@pytest.fixture
def here(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.chdir(terminal.directory)
    return terminal


def test_flag_wins_over_variable_and_variable_over_file(here: Terminal) -> None:
    here.write({"GraphqlUrl": "https://file/", "Region": "file", "ApiKey": "file", "UserPoolId": "file"})
    variables = {"PRIVATE_FILES_REGION": "variable", "PRIVATE_FILES_API_KEY": "variable"}
    found = settings.find({"--region": "flag", "--api-key": None}, variables)
    assert [found[name] for name in ("Region", "ApiKey", "UserPoolId")] == ["flag", "variable", "file"]


def test_file_of_the_cdk_command_is_read(here: Terminal) -> None:
    here.write({"Network": {"VpcId": "v"}, "PrivateFiles": {"GraphqlUrl": "https://a/graphql"}}, "cdk.json")
    assert settings.find({"--outputs": "cdk.json"}, {}).graphql_url == "https://a/graphql"
    assert settings.find({}, {"PRIVATE_FILES_OUTPUTS": "cdk.json"}).graphql_url == "https://a/graphql"


@pytest.mark.parametrize(
    "outputs", [[], "x", {}, {"A": {"GraphqlUrl": "https://a"}, "B": {"GraphqlUrl": "https://b"}}, {"A": {"B": "c"}}]
)
def test_file_without_exactly_one_stack_is_refused(here: Terminal, outputs: Any) -> None:
    here.write(outputs, "x.json")
    with pytest.raises(Unconfigured, match=r"x\.json must hold one stack"):
        settings.find({"--outputs": "x.json"}, {})


def test_file_that_is_named_and_missing_or_broken_is_refused(here: Terminal) -> None:
    file = here.directory / "x.json"
    with pytest.raises(Unconfigured, match=r"x\.json cannot be read"):
        settings.find({"--outputs": "x.json"}, {})
    file.write_text("{")
    with pytest.raises(Unconfigured, match=r"x\.json is not JSON"):
        settings.find({"--outputs": "x.json"}, {})


def test_key_of_the_stack_that_runs_here_is_not_sent_to_another_api(here: Terminal) -> None:
    here.write({"GraphqlUrl": "https://file/", "ApiKey": KEY})
    assert settings.find({"--graphql-url": "https://other/"}, {}).get("ApiKey") is None
    assert settings.find({"--graphql-url": "https://other/", "--outputs": settings.DEFAULT_OUTPUTS}, {})["ApiKey"]


def test_password_of_the_demo_user_is_nobody_elses(here: Terminal) -> None:
    here.write({"GraphqlUrl": "https://a/", "DemoUser": "demo", "DemoPassword": PASSWORD})
    assert settings.find({}, {})["Password"] == PASSWORD
    assert settings.find({"--username": "demo"}, {})["Password"] == PASSWORD
    assert settings.find({"--username": "other"}, {}).get("Password") is None
    assert settings.find({"--username": "other"}, {"PRIVATE_FILES_PASSWORD": "own"})["Password"] == "own"


@pytest.mark.parametrize(
    "url", ["http://api.example.com/graphql", "ftp://a/", "api.example.com", "https://", "http://["]
)
def test_url_that_would_show_a_token_on_the_way_is_refused(url: str) -> None:
    with pytest.raises(Unconfigured, match="GraphqlUrl"):
        assert settings.Settings({"GraphqlUrl": url}).graphql_url


@pytest.mark.parametrize(
    "url", ["https://a/graphql", "http://127.0.0.1:4567/graphql", "http://localhost/", "http://[::1]/"]
)
def test_https_and_this_machine_may_be_asked(url: str) -> None:
    assert settings.Settings({"GraphqlUrl": url}).graphql_url == url


def test_bundle_that_is_missing_or_holds_no_certificate_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").touch()
    for name in ("missing.pem", "empty.pem"):
        with pytest.raises(Unconfigured, match=f"{name} .*--ca-bundle"):
            settings.Settings({"AwsCaBundle": str(tmp_path / name)}).trust()
