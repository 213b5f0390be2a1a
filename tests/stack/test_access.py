"""The access rules of the documentation on a running stack: two users, two groups and an IAM role, in every way."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.graphql_caller import sign_in
from tests.probes import denied, probing
from tests.running_stack import Stack

CALLERS = ("demo", "second", "role", "stranger")
TOKENS = ("AccessToken", "IdToken")


@pytest.fixture(scope="module")
def stack(ruled_stack: Stack) -> Stack:
    return ruled_stack


@dataclass(frozen=True)
class World:
    """The stack with its callers, and what each may read, as a person reads the rules."""

    stack: Stack
    tokens: Mapping[str, Mapping[str, str]]
    credentials: Mapping[str, Credentials]
    subs: Mapping[str, str]
    names: list[str]

    def readable(self, caller: str) -> list[str]:
        prefixes = {
            "demo": (f"home/{self.subs['demo']}/", "public/", "teams/editors/", "handbook/", "published/"),
            "second": (f"home/{self.subs['second']}/", "public/", "teams/readers/", "handbook/", "published/"),
            "role": ("published/",),
            "stranger": (),
        }
        return [name for name in self.names if name.startswith(prefixes[caller])]

    def query(self, caller: str, query: str, kind: str = "AccessToken", **variables: Any) -> dict[str, Any]:
        """Return the response to a query of this caller, with the user's token of this kind."""
        body = json.dumps({"query": query, "variables": variables})
        headers = {"Content-Type": "application/json"}
        url = self.stack.outputs.graphql_url
        if caller in self.tokens:
            headers["Authorization"] = self.tokens[caller][kind]
        else:
            request = AWSRequest("POST", url, data=body, headers=headers)
            SigV4Auth(self.credentials[caller], "appsync", self.stack.outputs.region).add_auth(request)
            headers = dict(request.headers)
        found: dict[str, Any] = requests.post(url, data=body, headers=headers, timeout=60).json()
        return found

    def http(self, caller: str, path: str, kind: str, **query: str) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.tokens[caller][kind]}"}
        return requests.get(self.stack.outputs.rest_url + path, query, headers=headers, timeout=30)


@pytest.fixture(scope="module")
def world(stack: Stack) -> World:
    outputs, s3 = stack.outputs, stack.client("s3")
    tokens = {
        "demo": sign_in(stack),
        "second": sign_in(stack, user=outputs.second_user, password=outputs.second_password),
    }
    users = stack.client("cognito-idp")
    subs = {caller: users.get_user(AccessToken=found["AccessToken"])["Username"] for caller, found in tokens.items()}
    for name in ("secret.txt", "teams/nobody/secret.txt", f"home/{subs['second']}x/secret.txt"):
        s3.put_object(Bucket=outputs.bucket_name, Key=f"{outputs.files_folder}/{name}", Body=b"secret")
    keys = s3.get_paginator("list_objects_v2").paginate(Bucket=outputs.bucket_name).build_full_result()["Contents"]
    names = sorted(each["Key"].removeprefix(f"{outputs.files_folder}/") for each in keys)
    return World(stack, tokens, {name: assumed(stack, name) for name in ("Publisher", "Stranger")}, subs, names)


def assumed(stack: Stack, role: str) -> Credentials:
    """The credentials of a new role that may send every request to the API."""
    iam = stack.client("iam")
    anyone = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    policy = {"Effect": "Allow", "Action": "appsync:GraphQL", "Resource": "*"}
    trust, allowed = (json.dumps({"Version": "2012-10-17", "Statement": [each]}) for each in (anyone, policy))
    arn = iam.create_role(RoleName=role, Path="/programs/", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    iam.put_role_policy(RoleName=role, PolicyName="api", PolicyDocument=allowed)
    found = stack.client("sts").assume_role(RoleArn=arn, RoleSessionName="a-session")["Credentials"]
    return Credentials(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])


EVERYTHING = """query ($names: [String!]!, $token: String) {
  getFiles
  listFiles(limit: 1000, nextToken: $token) { items { name url(saveAs: "x") } nextToken }
  getUrls(files: $names) { file url errorType }
}"""
EVERY_CALLER = pytest.mark.parametrize(
    ("caller", "kind"),
    [*((user, kind) for user in ("demo", "second") for kind in TOKENS), ("Publisher", ""), ("Stranger", "")],
)


def may_read(world: World, caller: str) -> list[str]:
    return world.readable({"Publisher": "role", "Stranger": "stranger"}.get(caller, caller))


@EVERY_CALLER
def test_caller_sees_and_opens_the_allowed_files_and_no_others(world: World, caller: str, kind: str) -> None:
    expected = may_read(world, caller)
    data = world.query(caller, EVERYTHING, kind, names=world.names)["data"]
    assert data["getFiles"] == expected
    assert [file["name"] for file in data["listFiles"]["items"]] == expected
    assert [each["file"] for each in data["getUrls"] if each["url"]] == expected
    assert {each["errorType"] for each in data["getUrls"] if not each["url"]} == {"NotAllowed"}
    urls = [file["url"] for file in data["listFiles"]["items"]] + [each["url"] for each in data["getUrls"]]
    for url in filter(None, urls[:: max(1, len(urls) // 6)]):
        assert requests.get(url, timeout=30).status_code == 200


@EVERY_CALLER
def test_each_file_has_details_and_a_url_or_neither(world: World, caller: str, kind: str) -> None:
    fields = "".join(
        f"d{number}: getFile(file: {json.dumps(name)}) {{ name }} u{number}: getUrl(file: {json.dumps(name)})\n"
        for number, name in enumerate(world.names)
    )
    response = world.query(caller, f"{{ {fields} }}", kind)
    found = [name for number, name in enumerate(world.names) if response["data"][f"d{number}"]]
    opened = [name for number, name in enumerate(world.names) if response["data"][f"u{number}"]]
    assert found == opened == may_read(world, caller)
    assert {error["errorType"] for error in response.get("errors", [])} <= {"NotAllowed"}


@pytest.mark.parametrize("kind", TOKENS)
@pytest.mark.parametrize("caller", ["demo", "second"])
def test_http_api_shows_and_opens_the_same(world: World, caller: str, kind: str) -> None:
    expected = may_read(world, caller)
    assert world.http(caller, "/files", kind).json() == {"files": expected}
    for name in world.names[:: max(1, len(world.names) // 12)]:
        assert world.http(caller, "/url", kind, file=name).status_code == (200 if name in expected else 403)


@EVERY_CALLER
def test_folders_lead_to_the_allowed_files(world: World, caller: str, kind: str) -> None:
    query = 'query ($p: String) { listFiles(prefix: $p, delimiter: "/", limit: 1000) { items { name } folders } }'
    found: list[str] = []
    waiting = [""]
    while waiting:
        page = world.query(caller, query, kind, p=waiting.pop())["data"]["listFiles"]
        found += [file["name"] for file in page["items"]]
        waiting += page["folders"]
    assert sorted(found) == may_read(world, caller)


def test_access_tells_each_caller_the_rules(world: World) -> None:
    query = "{ getAccess { prefix read write delete } }"
    entries = {caller: world.query(caller, query)["data"]["getAccess"] for caller in ("demo", "second", "Publisher")}
    actions = ("read", "write", "delete")
    shown = {
        caller: {entry["prefix"]: "".join(action[0] for action in actions if entry[action]) for entry in found}
        for caller, found in entries.items()
    }
    assert shown == {
        "demo": {
            "handbook/": "rwd", f"home/{world.subs['demo']}/": "rwd", "public/": "r", "published/": "r",
            "teams/editors/": "r",
        },
        "second": {
            "handbook/": "r", f"home/{world.subs['second']}/": "rwd", "public/": "r", "published/": "r",
            "teams/readers/": "r",
        },
        "Publisher": {"published/": "rw"},
    }  # fmt: skip


def test_iam_caller_without_permission_on_the_api_is_refused_by_its_policies(world: World) -> None:
    world.stack.client("iam").put_role_policy(
        RoleName="Stranger",
        PolicyName="less",
        PolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Deny", "Action": "appsync:GraphQL", "Resource": "*/fields/getFiles"}],
            }
        ),
    )
    response = world.query("Stranger", "{ getFiles getAccess { prefix } }")
    assert response["data"] == {"getFiles": None, "getAccess": []}
    assert [error["errorType"] for error in response["errors"]] == ["Unauthorized"]
    world.stack.client("iam").delete_role_policy(RoleName="Stranger", PolicyName="less")


# An outsider with a valid token, who tries everything for every file of another user


def attempts(world: World, name: str) -> list[Any]:
    """All responses that the demo user gets for this name, with the name replaced."""
    query = """query ($n: String!, $names: [String!]!) {
      url: getUrl(file: $n) again: getUrl(file: $n, expiresIn: 60) saved: getUrl(file: $n, saveAs: "x")
      file: getFile(file: $n) { name size url } all: getUrls(files: $names) { file url errorType errorMessage }
      names: getFiles(prefix: $n) page: listFiles(prefix: $n) { items { name url } folders nextToken }
      folders: listFiles(prefix: $n, delimiter: "/") { items { name } folders nextToken }
    }"""
    found: list[Any] = [world.query("demo", query, kind, n=name, names=[name, name]) for kind in TOKENS]
    for kind in TOKENS:
        for path, parameters in (
            ("/url", {"file": name}),
            ("/url", {"file": name, "saveAs": "x", "expiresIn": "60"}),
            ("/files", {"prefix": name}),
        ):
            response = world.http("demo", path, kind, **parameters)
            found.append([response.status_code, response.headers["content-type"], response.text])
    return [json.dumps(each, ensure_ascii=False).replace(name, "NAME") for each in found]


def test_response_for_a_file_of_another_user_is_byte_equal_to_that_for_a_missing_one(world: World) -> None:
    theirs = [name for name in world.names if name.startswith(f"home/{world.subs['second']}/")]
    assert theirs
    missing = attempts(world, f"home/{world.subs['second']}/missing")
    for name in theirs:
        found = attempts(world, name)
        assert found == missing
        assert not re.search(r"Signature=|\"size\"", "".join(found))


def test_prefixes_and_tokens_of_another_user_show_nothing(world: World) -> None:
    home = f"home/{world.subs['second']}/"
    query = """query ($p: String, $d: String, $t: String) {
      listFiles(prefix: $p, delimiter: $d, limit: 2, nextToken: $t) { items { name url } folders nextToken } }"""
    mine = f"home/{world.subs['demo']}/"
    for prefix in ("", "home/", "home", home[:10], home[:-1], home, home + "pictures/", "teams/", "teams/readers/"):
        for delimiter in ("", "/"):
            variables: dict[str, Any] = {"p": prefix, "d": delimiter}
            theirs = world.query("second", query, **variables)["data"]["listFiles"]
            for token in (None, theirs["nextToken"]):
                response = world.query("demo", query, **variables, t=token)
                page = (response["data"] or {}).get("listFiles") or {"items": [], "folders": []}
                shown = [file["name"] for file in page["items"]] + page["folders"]
                assert not [name for name in shown if name.startswith((home, "teams/readers/"))], (prefix, token)
                assert all(name.startswith(mine) or not name.startswith("home/") or name == "home/" for name in shown)


def test_function_that_lists_is_refused_every_prefix_that_no_rule_mentions(world: World) -> None:
    with probing(world.stack) as probe:

        def listing(prefix: str) -> str:
            return probe("Files", "s3", "list_objects_v2", Bucket=world.stack.outputs.bucket_name, Prefix=prefix)

        for allowed in (
            f"files/home/{world.subs['demo']}/",
            "files/public/",
            "files/teams/editors/",
            "files/published/",
        ):
            assert listing(allowed) == "allowed"
        for other in ("", "files/", "files/home/", "files/secret", "files/teams/", "files/publ"):
            assert denied(listing(other)), other


def test_log_says_who_got_a_url_to_which_file(world: World) -> None:
    name = next(name for name in may_read(world, "second") if name.startswith("home/"))
    world.query("second", "query ($n: String!) { getUrl(file: $n) }", n=name)
    functions = world.stack.client("lambda").list_functions()["Functions"]
    (group,) = [each["LoggingConfig"]["LogGroup"] for each in functions if "UrlFunction" in each["FunctionName"]]
    events = world.stack.client("logs").filter_log_events(logGroupName=group, filterPattern="signed")["events"]
    records = [json.loads(event["message"]) for event in events if event["message"].startswith("{")]
    signed = [record for record in records if record.get("message") == "signed" and name in record["files"]]
    assert {record["caller"] for record in signed} == {world.subs["second"]}
    assert not any("Signature=" in event["message"] for event in events)
