"""The patches of ministack: each fits the installed release, and saves the time and memory that it is there for."""

import asyncio
import json
import subprocess
import sys
import tempfile
import tracemalloc
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from ministack.services import cloudwatch, cloudwatch_logs, lambda_svc, s3
from ministack.services.cloudformation import provisioners

from local.embedded_aws import buckets, cloudfront_keys, functions
from local.embedded_aws.upstream import PatchOutdated, add_resource_type, original
from tests import PROJECT

FUNCTION = {"config": {"FunctionName": "a-function"}}
KEPT = 20


@pytest.fixture
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in ((cloudwatch_logs, "_fanout_to_subscription_filters"), (cloudwatch, "record_metric")):
        monkeypatch.setattr(module, name, getattr(module, name))  # put back afterwards
    monkeypatch.setattr(functions, "_KEPT", KEPT)
    functions._forget_old_invocations()


def invoke(numbers: range) -> None:
    for number in numbers:
        lambda_svc._emit_lambda_logs(FUNCTION, f"request-{number}", f"said by {number}", error=False, duration_ms=1)
        lambda_svc._emit_lambda_metrics("a-function", duration_ms=1.0, error=False, throttle=False)


def logged() -> list[str]:
    """Return the log lines of the function, as a client reads them."""
    request = json.dumps({"logGroupName": "/aws/lambda/a-function", "filterPattern": "said"}).encode()
    headers = {"x-amz-target": "Logs_20140328.FilterLogEvents"}
    _status, _headers, body = asyncio.run(cloudwatch_logs.handle_request("POST", "/", headers, request, {}))
    return [event["message"] for event in json.loads(body)["events"]]


@pytest.fixture
def archives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """A function that makes an archive with one file; nothing is unpacked yet."""
    monkeypatch.setattr(functions.UnpackedOnce, "_folders", OrderedDict())
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def make(content: str) -> Path:
        path = tmp_path / f"{content}.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("package/module.py", content)
        return path

    return make


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack an archive as ministack does for a sandbox, and return its file."""
    folder.mkdir()
    with functions.UnpackedOnce(archive) as opened:
        opened.extractall(folder)
    return folder / "package" / "module.py"


def test_code_of_every_sandbox_is_the_same_files(archives: Callable[[str], Path], tmp_path: Path) -> None:
    one, other = (unpack(archives("a"), tmp_path / name) for name in ("one", "other"))
    assert one.read_text() == other.read_text() == "a"
    assert one.samefile(other)
    assert unpack(archives("b"), tmp_path / "changed").read_text() == "b"


def test_code_that_was_not_used_for_long_is_forgotten_but_not_by_its_sandboxes(
    archives: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(functions, "_UNPACKED", 2)
    files = [unpack(archives(content), tmp_path / f"{number}") for number, content in enumerate("abacb")]
    assert [file.read_text() for file in files] == [*"abacb"]
    assert len([*tmp_path.glob("ministack-unpacked-*")]) == 2
    assert files[0].samefile(files[2])  # `a` was used when `c` came
    assert not files[1].samefile(files[4])  # `b` was not


def test_code_that_cannot_be_unpacked_leaves_nothing(archives: Callable[[str], Path], tmp_path: Path) -> None:
    damaged = archives("content")
    damaged.write_bytes(damaged.read_bytes().replace(b"content", b"changed"))  # so that its checksum is wrong
    with pytest.raises(zipfile.BadZipFile):
        unpack(damaged, tmp_path / "sandbox")
    assert [*tmp_path.glob("ministack-unpacked-*")] == []


def memory_of_a_thousand(repeat: Callable[[range], None]) -> int:
    """Return the bytes that a thousand of something leave, after the first hundred."""
    tracemalloc.start()
    try:
        repeat(range(100))
        before, _ = tracemalloc.get_traced_memory()
        repeat(range(100, 1100))
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return after - before


@pytest.mark.usefixtures("forgetful")
def test_last_invocations_are_kept_and_older_ones_take_no_memory() -> None:
    memory = memory_of_a_thousand(invoke)
    assert logged() == [f"said by {number}" for number in range(1100 - KEPT, 1100)]
    assert memory < 400_000, "4,000 bytes for each of the 1,000 invocations"


@pytest.mark.usefixtures("forgetful")
def test_last_records_of_an_access_log_are_kept_and_older_ones_take_no_memory() -> None:
    log = {"logGroupName": "an-access-log", "logStreamName": "a-distribution"}
    cloudwatch_logs._create_log_group({"logGroupName": log["logGroupName"]})
    cloudwatch_logs._create_log_stream(log)

    def put(numbers: range) -> None:
        for number in numbers:
            event = {"timestamp": number, "message": f"request {number}"}
            status, _, _ = cloudwatch_logs._put_log_events({**log, "logEvents": [event]})
            assert status == 200

    memory = memory_of_a_thousand(put)
    _, _, body = cloudwatch_logs._get_log_events(log)
    kept = [event["message"] for event in json.loads(body)["events"]]
    assert kept == [f"request {number}" for number in range(1100 - KEPT, 1100)]
    assert memory < 400_000, "1,500 bytes for each of the 1,000 requests"


# In a process of its own, because no patch can be taken back.
EVERY_PATCH = """
import sys
from local.embedded_aws import __main__, upstream

def contents():
    modules = {name: module for name, module in sys.modules.items() if name.startswith("ministack")}
    return {f"{name}.{key}": value for name, module in modules.items() for key, value in vars(module).items()}

checked, original, before = set(), upstream.original, contents()

def recorded(owner, name, digest):
    checked.add(f"{owner.__name__}.{name}")
    return original(owner, name, digest)

upstream.original = recorded
__main__.apply_patches(secret='')
changed = {name for name, value in contents().items() if before[name] is not value}
print(len(changed), *sorted(changed - checked))
"""


@pytest.mark.slow
def test_every_patch_fits_the_installed_release_and_checks_what_it_replaces() -> None:
    done = subprocess.run(
        [sys.executable, "-c", EVERY_PATCH], cwd=PROJECT, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.stdout.split(), done.stderr) == (["32"], "")


@pytest.fixture
def release() -> ModuleType:
    """A module of another release, whose only text is not the one that a patch was written for."""
    module = ModuleType("ministack.a_service")
    vars(module).update(SCRIPT="run(event)")
    return module


@pytest.mark.parametrize("name", ["SCRIPT", "absent"])
def test_patch_for_another_release_is_refused_with_the_name_and_the_version(
    release: ModuleType, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("local.embedded_aws.upstream.version", lambda _: "9.9.9")
    with pytest.raises(PatchOutdated, match=rf"^ministack\.a_service\.{name} of ministack 9\.9\.9 is not the one"):
        original(release, name, "0123456789ab")


def test_digest_in_the_message_is_the_one_that_fits(release: ModuleType) -> None:
    with pytest.raises(PatchOutdated) as refused:
        original(release, "SCRIPT", "")
    digest = str(refused.value).partition("digest, ")[2].partition(",")[0]
    assert original(release, "SCRIPT", digest) == "run(event)"


def test_function_that_changed_is_not_patched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provisioners, "_RESOURCE_HANDLERS", {})
    monkeypatch.setattr(s3, "_apply_response_overrides", lambda _headers, _parameters: None)
    with pytest.raises(PatchOutdated, match=r"ministack\.services\.s3\._apply_response_overrides of ministack "):
        buckets.apply()


def test_resource_type_that_the_release_has_is_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    handlers: dict[str, object] = {}
    monkeypatch.setattr(provisioners, "_RESOURCE_HANDLERS", handlers)
    cloudfront_keys.apply()
    assert sorted(handlers) == ["AWS::CloudFront::KeyGroup", "AWS::CloudFront::PublicKey"]
    with pytest.raises(PatchOutdated, match="has AWS::CloudFront::KeyGroup: remove our patch"):
        add_resource_type("AWS::CloudFront::KeyGroup")
