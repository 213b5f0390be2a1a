"""Signing keys are rotated on the running stack, while a client requests URLs and opens them all the time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from local.deploy import cdk_program
from tests import PROJECT
from tests.running_stack import Stack, running_stack
from tests.synthesized import build

SETTLING, LONGEST_URL = 3, 60
BETWEEN_REQUESTS = 0.05  # seconds; without a pause the client would slow the deployments down
LIFETIMES = (f"url_lifetime={LONGEST_URL}", f"url_lifetime_max={LONGEST_URL}", "url_window=0")
CONTEXT = ("auth=off", f"key_settling={SETTLING}", *LIFETIMES)


class Load:
    """A client that requests URLs and opens them in a loop; it records failures and which keys signed."""

    def __init__(self, stack: Stack, urls: dict[str, str]) -> None:
        self._stack = stack
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.failures: list[str] = []
        self.urls = urls  # the last URL of each key, in the order in which they signed
        self.latest_key = ""
        self.count = 0

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        with requests.Session() as session:
            while not self._stop.wait(BETWEEN_REQUESTS):
                try:
                    self._once(session)
                except (AssertionError, requests.RequestException, ValueError) as error:
                    self.failures.append(repr(error))
                self.count += 1

    def _once(self, session: requests.Session) -> None:
        request = {"query": '{ getUrl(file: "hello.txt") }'}
        answer = session.post(
            self._stack.outputs.graphql_url,
            json=request,
            headers={"x-api-key": self._stack.outputs.api_key},
            timeout=30,
        ).json()
        if answer.get("errors"):
            raise AssertionError(answer["errors"])
        url = answer["data"]["getUrl"]
        response = session.get(url, timeout=30)
        if response.status_code != 200:
            raise AssertionError(f"{response.status_code} {response.text}")
        (self.latest_key,) = parse_qs(urlsplit(url).query)["Key-Pair-Id"]
        self.urls[self.latest_key] = url

    def wait_for_another_key_than(self, key: str) -> str:
        deadline = time.monotonic() + 30
        while self.latest_key == key and time.monotonic() < deadline:
            time.sleep(0.05)
        return self.latest_key


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("rotation"), *CONTEXT) as running:
        yield running


def cdk(stack: Stack, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment |= {
        "AWS_ENDPOINT_URL": stack.outputs.aws_endpoint_url,
        "AWS_REGION": stack.outputs.region,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_CA_BUNDLE": stack.outputs.aws_ca_bundle,
        "NODE_EXTRA_CA_CERTS": stack.outputs.aws_ca_bundle,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    command = [cdk_program(), *arguments, "--no-notices", "--no-color"]
    return subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def urls() -> dict[str, str]:
    """The last URL of each key that has signed, in this order."""
    return {}


def synthesize(stack: Stack, folder: Path, *settings: str) -> Path:
    """Return the folder of an assembly with the settings of the deployed stack and these."""
    everything = [f"cdn_url={stack.outputs.cdn_url}", f"architecture={stack_architecture(stack)}", *CONTEXT, *settings]
    app, _ = build(dict(setting.split("=", 1) for setting in everything), folder, stage=True)
    app.synth()
    return folder


def stack_architecture(stack: Stack) -> str:
    functions = stack.client("lambda").list_functions()["Functions"]
    return str(functions[0]["Architectures"][0])


def deploy(stack: Stack, assembly: Path) -> subprocess.CompletedProcess[str]:
    return cdk(stack, "deploy", "--require-approval", "never", "--app", str(assembly))


def succeed(stack: Stack, assembly: Path) -> None:
    done = deploy(stack, assembly)
    assert done.returncode == 0, done.stdout + done.stderr


def destroy(stack: Stack, name: str, assembly: Path) -> None:
    protection = {"StackName": name, "EnableTerminationProtection": False}
    stack.client("cloudformation").update_termination_protection(**protection)
    done = cdk(stack, "destroy", "--force", "--app", str(assembly))
    assert done.returncode == 0, done.stdout + done.stderr


def status(stack: Stack) -> str:
    return str(stack.client("cloudformation").describe_stacks(StackName="PrivateFiles")["Stacks"][0]["StackStatus"])


def signing_parameters(stack: Stack) -> set[str]:
    names = {parameter["Name"] for parameter in stack.client("ssm").describe_parameters()["Parameters"]}
    return {name.rpartition("/")[2] for name in names if "/signing-keys/" in name}


def public_keys(stack: Stack) -> set[str]:
    answer = stack.client("cloudfront").list_public_keys()["PublicKeyList"]
    return {key["Id"] for key in answer.get("Items", [])}


def test_keys_rotate_without_one_failed_request(stack: Stack, urls: dict[str, str], tmp_path: Path) -> None:
    # Before the keys change: on a busy machine the URLs of the old key would expire during the synthesis.
    added, too_early = (synthesize(stack, tmp_path / keys, f"signing_keys={keys}") for keys in ("1,2", "2"))
    with Load(stack, urls) as load:
        first = load.wait_for_another_key_than("")
        succeed(stack, added)
        second = load.wait_for_another_key_than(first)
        assert second not in ("", first)
        assert requests.get(urls[first], timeout=30).status_code == 200

        # Too early, the removal is refused with the reason, and the stack is as it was.
        early = deploy(stack, too_early)
        assert early.returncode != 0
        assert "The signing key 1 cannot be removed yet" in early.stdout + early.stderr
        assert status(stack) == "UPDATE_ROLLBACK_COMPLETE"
        assert signing_parameters(stack) == {"1", "2"}
    assert not load.failures
    assert load.count > 20


def test_public_key_from_before_the_region_was_in_its_name_survives_the_upgrade(stack: Stack, tmp_path: Path) -> None:
    # Another stack. It and the next tests are here because the last URL of the old key expires meanwhile.
    assembly = synthesize(stack, tmp_path / "new", "stack_name=Older", "signing_keys=1")
    template = assembly / "Older.template.json"
    new = template.read_text()
    template.write_text(json.dumps(as_before_the_region(json.loads(new))))
    try:
        succeed(stack, assembly)
        before = public_key_of(stack, "Older")
        template.write_text(new)
        succeed(stack, assembly)
        assert public_key_of(stack, "Older") == before
    finally:
        destroy(stack, "Older", assembly)
    assert stack.outputs.region not in before["Name"]
    assert stack.outputs.region in public_key_of(stack, "PrivateFiles")["Name"]


def as_before_the_region(template: dict[str, Any]) -> dict[str, Any]:
    """The template with the names that the CDK gave public keys."""
    [pair] = [each for each in template["Resources"].values() if each["Type"] == "Custom::SigningKeyPair"]
    del pair["Properties"]["PublicKeyName"]
    [public_key] = [each for each in template["Resources"].values() if each["Type"] == "AWS::CloudFront::PublicKey"]
    public_key["Properties"]["PublicKeyConfig"] |= {
        "Name": pair["Properties"].pop("FormerPublicKeyName"),
        "CallerReference": pair["Properties"].pop("FormerCallerReference"),
    }
    return template


def public_key_of(stack: Stack, name: str) -> dict[str, Any]:
    """The configuration of the stack's newest public key, with its id."""
    resources = stack.client("cloudformation").describe_stack_resources(StackName=name)["StackResources"]
    ids = [each["PhysicalResourceId"] for each in resources if each["ResourceType"] == "AWS::CloudFront::PublicKey"]
    configuration = stack.client("cloudfront").get_public_key_config(Id=ids[-1])["PublicKeyConfig"]
    return {"Id": ids[-1], **configuration}


def test_rollback_leaves_neither_a_new_key_nor_a_failed_request(
    stack: Stack, urls: dict[str, str], tmp_path: Path
) -> None:
    before = signing_parameters(stack), public_keys(stack)
    names = ",".join(sorted(before[0]))
    assembly = synthesize(stack, tmp_path / "failing", f"signing_keys={names},new")
    fail_late(assembly / "PrivateFiles.template.json")
    with Load(stack, urls) as load:
        failed = deploy(stack, assembly)
        time.sleep(SETTLING + 1)
    assert failed.returncode != 0
    assert status(stack) == "UPDATE_ROLLBACK_COMPLETE"
    assert (signing_parameters(stack), public_keys(stack)) == before
    assert not load.failures


def fail_late(template: Path) -> None:
    """Add a resource whose creation fails, after everything that a rotation changes."""
    content: dict[str, Any] = json.loads(template.read_text())
    url_function = next(
        name
        for name in content["Resources"]
        if name.startswith("FunctionsUrlFunction") and "Role" not in name and "Logs" not in name
    )
    content["Resources"]["Impossible"] = {
        "Type": "AWS::SSM::Parameter",
        "Properties": {"Name": "/impossible", "Type": "SecureString", "Value": "x"},
        "DependsOn": [url_function],
    }
    template.write_text(json.dumps(content))


def test_changing_the_algorithm_in_place_is_refused(stack: Stack, tmp_path: Path) -> None:
    before = signing_parameters(stack), public_keys(stack)
    names = ",".join(f"{name}:rsa-2048" for name in sorted(before[0]))
    refused = deploy(stack, synthesize(stack, tmp_path / "rsa", f"signing_keys={names}"))
    assert refused.returncode != 0
    assert "cannot become rsa-2048" in refused.stdout + refused.stderr
    assert (signing_parameters(stack), public_keys(stack)) == before


def test_old_key_is_removed_once_its_last_url_has_expired(stack: Stack, urls: dict[str, str], tmp_path: Path) -> None:
    assembly = synthesize(stack, tmp_path / "2", "signing_keys=2")
    first, second = urls
    expires = int(parse_qs(urlsplit(urls[first]).query)["Expires"][0])
    while time.time() < expires + 2 * SETTLING:
        time.sleep(0.2)
    with Load(stack, urls) as load:
        succeed(stack, assembly)
        assert (signing_parameters(stack), public_keys(stack)) == ({"2"}, {second})
    assert not load.failures
    assert load.count > 0
    deadline = time.monotonic() + 30  # the edge uses the key group that it has read for some seconds
    while "InvalidKey" not in (gone := requests.get(urls[first], timeout=30)).text and time.monotonic() < deadline:
        time.sleep(0.2)
    assert (gone.status_code, "InvalidKey" in gone.text) == (403, True)


def test_deleting_the_stack_leaves_no_key(stack: Stack) -> None:
    destroy(stack, "PrivateFiles", (stack.directory or Path()) / "cdk.out")
    assert (signing_parameters(stack), public_keys(stack)) == (set(), set())
