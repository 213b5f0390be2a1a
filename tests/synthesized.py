"""The synthesized stack: one synthesis for each variant of the configuration, shared by every test process of a run."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aws_cdk as cdk
from aws_cdk.assertions import Template
from cdk_nag import AwsSolutionsChecks

from infra.config import Config
from infra.stack import PrivateFilesStack

Resource = dict[str, Any]
# The example of the documentation, with every kind of principal.
ACCESS = """[
    {"principal": "users",              "actions": ["read", "write", "delete"], "prefix": "home/{sub}/"},
    {"principal": "groups",             "actions": ["read"],                    "prefix": "teams/{group}/"},
    {"principal": "group:editors",      "actions": ["read", "write"],           "prefix": "shared/"},
    {"principal": "iam",                "actions": ["read"],                    "prefix": "shared/"},
    {"principal": "iam:role/Publisher", "actions": ["write"],                   "prefix": "incoming/"}
]"""
VARIANTS: dict[str, dict[str, str]] = {
    "default": {},
    "auth-off": {"auth": "off"},
    "access": {"access": ACCESS},
    "uploads": {"uploads": "on", "access": ACCESS},
    "open-uploads": {"uploads": "on", "auth": "off"},
    "mfa-off": {"mfa": "off", "ignore_email_case": "off"},
    "mfa-required": {"mfa": "required"},
    "existing-pool": {"user_pool_id": "eu-west-1_AbCdEfGhI", "rest": "on"},
    "throwaway": {"retain_data": "off", "backup": "on", "backup_retention": "7"},
    "backup": {"backup": "on"},
    "custom-domain": {
        "custom_domain": "files.example.com",
        "certificate_arn": "arn:aws:acm:us-east-1:123456789012:certificate/0f4c1d2e-0000-4000-8000-000000000000",
    },
    "cdn-url": {"cdn_url": "https://127.0.0.1:8443"},
    "two-keys": {"signing_keys": "1,2:rsa-2048"},
    "three-algorithms": {"signing_keys": "1:rsa-2048-sha1,2:rsa-2048,3:ecdsa-p256", "revoke": "0"},
    "another-folder": {"files_folder": "public/files"},
    "snap-start": {"snap_start": "on"},
    "snap-start-two-keys": {"snap_start": "on", "signing_keys": "1,2"},
    "http-api": {"rest": "on"},
    "open-http-api": {"rest": "on", "auth": "off"},
    # What watches and limits, with all of its settings on, and off.
    "watched": {
        "alarm_email": "ops@example.com",
        "tracing": "on",
        "waf": "on",
        "waf_rate_limit": "500",
        "web_acl_arn": "arn:aws:wafv2:us-east-1:123456789012:global/webacl/Mine/0f4c1d2e-0000-4000-8000-000000000000",
        "introspection": "off",
        "log_key": "on",
        "log_retention": "365",
        "rest": "on",
        "uploads": "on",
        "access": ACCESS,
    },
    "unwatched": {
        "monitoring": "off",
        "signing_key_max_age": "0",
        "access_logs": "off",
        "reserved_concurrency": "0",
        "uploads": "on",
        "access": ACCESS,
    },
}
# Without a bucket, and so without what the tests of every variant look for.
EXISTING_BUCKETS: dict[str, dict[str, str]] = {
    "existing-bucket": {"bucket_name": "their-bucket", "uploads": "on", "access": ACCESS},
    "existing-bucket-with-key": {
        "bucket_name": "their-bucket",
        "bucket_key_arn": "arn:aws:kms:eu-west-1:123456789012:key/0f4c1d2e-0000-4000-8000-000000000000",
        "uploads": "on",
        "access": ACCESS,
    },
}
_LONG = {"signing_keys": ",".join(letter * 40 for letter in "abcde"), "files_folder": "f" * 254}
PAGES: dict[str, dict[str, str]] = {
    "page": {"frontend": "on"},
    "open-page": {"frontend": "on", "auth": "off", "uploads": "on"},
}
# Everything that has a name, and the longest names that the settings allow.
NAMES: dict[str, dict[str, str]] = {
    "everything": {"frontend": "on", "rest": "on", "snap_start": "on", "signing_keys": "1,2"},
    "longest-names": {"frontend": "on", "rest": "on", "stack_name": "A" * 60 + "B"} | _LONG,
    "other-longest-names": {"frontend": "on", "rest": "on", "stack_name": "A" * 60 + "C"} | _LONG,
}
# Where the processes of this run share what they have synthesized; tests/infra/conftest.py sets it.
shared_folder = Path()


@dataclass(frozen=True)
class Assembly:
    """A synthesized stack.

    `findings` of cdk-nag, as rule and construct path; `staged`, the files in each asset by the asset's hash, and
    `configuration`, the text of the page's config.json, only for the variants in PAGES.
    """

    template: Resource
    findings: list[list[str]]
    staged: dict[str, list[str]] = field(default_factory=dict)
    configuration: str = ""


def build(context: Mapping[str, Any], folder: Path, *, stage: bool = False) -> tuple[cdk.App, PrivateFilesStack]:
    """Return what `app.py` builds, before it is synthesized into the folder; without `stage`, no assets are copied."""
    app = cdk.App(outdir=str(folder), context=None if stage else {"aws:cdk:disable-asset-staging": True})
    config = Config.from_context(context)
    stack = PrivateFilesStack(app, config.stack_name, config=config)
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    return app, stack


def findings(folder: Path) -> list[list[str]]:
    """Return cdk-nag's findings on the assembly in this folder."""
    reports = json.loads((folder / "validation-report.json").read_text())["pluginReports"]
    return [
        [violation["ruleName"], construct["constructPath"]]
        for report in reports
        for violation in report["violations"]
        for construct in violation["violatingConstructs"]
    ]


@cache
def assembly(variant: str) -> Assembly:
    """Return this variant, synthesized by whichever process needs it first."""
    file = shared_folder / f"{variant}.json"
    with file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():
            file.write_text(json.dumps(asdict(_synthesize(variant))))
    return Assembly(**json.loads(file.read_text()))


def _synthesize(variant: str) -> Assembly:
    with TemporaryDirectory() as name:
        folder = Path(name)
        if variant not in PAGES:
            app, stack = build((VARIANTS | EXISTING_BUCKETS | NAMES)[variant], folder)
            return Assembly(app.synth().get_stack_by_name(stack.stack_name).template, findings(folder))
        app, stack = build(PAGES[variant], folder, stage=True)
        template = app.synth().get_stack_by_name(stack.stack_name).template
        assets = [path for path in folder.iterdir() if path.is_dir() and not (path / "resolvers").exists()]
        [configuration] = [file.read_text() for path in assets for file in path.glob("config.json")]
        staged = {
            path.name.removeprefix("asset."): [each.relative_to(path).as_posix() for each in path.rglob("*.*")]
            for path in assets
        }
        return Assembly(template, findings(folder), staged, configuration)


def synthesized(variant: str) -> Resource:
    """Return the template of this variant."""
    return assembly(variant).template


@cache
def template(variant: str = "default") -> Template:
    return Template.from_json(synthesized(variant))


def resources(kind: str, variant: str = "default") -> dict[str, Resource]:
    """Return the resources of this type, by their logical ids."""
    found = synthesized(variant)["Resources"].items()
    return {logical_id: resource for logical_id, resource in found if resource["Type"] == kind}


def only(kind: str, variant: str = "default") -> tuple[str, Resource]:
    """Return the logical id and the properties of the one resource of this type."""
    [(logical_id, resource)] = resources(kind, variant).items()
    return logical_id, resource["Properties"]


def plain(value: Any) -> Any:
    """Return the value with its intrinsic functions written as text: `${Bucket.Arn}/*`."""
    match value:
        case {"Ref": name}:
            return f"${{{name}}}"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"${{{name}.{attribute}}}"
        case {"Fn::Join": [joint, parts]}:
            return joint.join(plain(part) for part in parts)
        case {"Fn::Sub": str() as text}:
            return text
        case dict():
            return {key: plain(part) for key, part in value.items()}
        case list():
            return [plain(part) for part in value]
    return value
