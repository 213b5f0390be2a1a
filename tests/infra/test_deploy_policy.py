"""`deploy/policy.json` allows CloudFormation what it needs for every resource of this stack, and not everything.

The oracle is CloudFormation's own schemas, which list the permissions of each resource type's handlers.
"""

import json
import re
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

import pytest

from tests import PROJECT
from tests.synthesized import synthesized

POLICY: dict[str, Any] = json.loads((PROJECT / "deploy/policy.json").read_text())
STATEMENTS: list[dict[str, Any]] = POLICY["Statement"]
WITH_EVERY_TYPE = ("watched", "everything", "open-page", "throwaway")


@cache
def needed(kind: str) -> frozenset[str]:
    """Return the permissions that CloudFormation needs for resources of this type, used or not."""
    from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER  # noqa: PLC0415 - slow to import

    handlers = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema["handlers"]
    return frozenset(
        action for name, handler in handlers.items() if name != "list" for action in handler["permissions"]
    )


def types(variant: str) -> list[str]:
    """Return the types of the resources of a variant."""
    found = {each["Type"] for each in synthesized(variant)["Resources"].values()}
    return sorted(kind for kind in found if kind.startswith("AWS::") and kind != "AWS::CDK::Metadata")


# What the handlers need for properties and origins that this stack does not use.
NOT_USED = re.compile(
    r"""(amplify|apprunner|autoloop|bedrock-agentcore|codedeploy|codewhisperer|ec2|elasticfilesystem):.*
    |(elasticloadbalancing|firehose|payments|s3files|s3tables|workmail):.*
    |apigateway:(SetWebACL|(Unt|T)agResource)|appsync:.*EnvironmentVariables
    |cloudfront:(Create|Get)(ConnectionGroup|VpcOrigin)|cognito-idp:(.*WebACL.*|ListUserPoolClientSecrets)
    |iam:(.*(User|Group)Policy|.*RolePermissionsBoundary)
    |kms:(Encrypt|GenerateDataKeyWithoutPlaintext|ReEncrypt(From|To))
    |lambda:(AssociateRuntimeAlias|GetCodeSigningConfig|PassCapacityProvider)
    |logs:(CreateLogDelivery|PutBearerTokenAuthentication|.*IndexPolic.*|PutLogGroupDeletionProtection)
    |s3:(DeleteObject|ListBucket|ListAllMyBuckets|PutObjectAcl|REST\.PUT\.OBJECT|.*Metadata.*Table.*)""",
    re.VERBOSE,
)


# Beside the handlers: custom resources, the parameter of the bootstrap stack, and consent to deliver logs.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-infrastructure-V2-service-specific.html
ALSO_NEEDED = {"lambda:invokefunction", "ssm:getparameters"}
ALSO_NEEDED |= {"s3:allowvendedlogdeliveryforresource", "cloudfront:allowvendedlogdeliveryforresource"}


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def allowed(action: str) -> bool:
    patterns = (pattern for statement in STATEMENTS for pattern in listed(statement["Action"]))
    return any(fnmatchcase(action.lower(), pattern.lower()) for pattern in patterns)


@pytest.mark.slow  # reads the schema of each type
@pytest.mark.parametrize("variant", WITH_EVERY_TYPE)
def test_policy_allows_what_cloudformation_needs_for_every_type_of_the_stack(variant: str) -> None:
    missing = {
        kind: [action for action in sorted(needed(kind)) if not NOT_USED.fullmatch(action) and not allowed(action)]
        for kind in types(variant)
    }
    assert {kind: actions for kind, actions in missing.items() if actions} == {}


def test_policy_allows_custom_resources_parameters_and_deliveries() -> None:
    assert all(map(allowed, ALSO_NEEDED))


@pytest.mark.slow  # reads the schema of each type
def test_every_pattern_of_the_policy_allows_something_that_is_needed() -> None:
    kinds = {kind for variant in WITH_EVERY_TYPE for kind in types(variant)}
    actions = {action.lower() for kind in kinds for action in needed(kind)} | ALSO_NEEDED
    patterns = {pattern.lower() for statement in STATEMENTS for pattern in listed(statement["Action"])}
    assert {pattern for pattern in patterns if not any(fnmatchcase(each, pattern) for each in actions)} == set()


def test_no_statement_allows_everything_of_a_service_everywhere() -> None:
    for statement in STATEMENTS:
        assert statement["Effect"] == "Allow"
        assert not {"NotAction", "NotResource"} & statement.keys()
        everywhere = "*" in listed(statement["Resource"])
        assert not [
            action for action in listed(statement["Action"]) if action == "*" or (everywhere and action.endswith(":*"))
        ]


def test_roles_and_functions_are_those_of_the_stack() -> None:
    scoped = [statement for statement in STATEMENTS if re.match(r"(iam|lambda):", listed(statement["Action"])[0])]
    resources = {resource for statement in scoped for resource in listed(statement["Resource"])}
    assert resources == {
        "arn:*:iam::*:role/PrivateFiles*",
        "arn:*:iam::*:role/aws-service-role/*",
        "arn:*:lambda:*:*:function:PrivateFiles*",
        "arn:*:lambda:*:*:layer:*",
    }


@pytest.mark.parametrize("action", ["s3:GetObject", "s3:DeleteObject", "kms:Decrypt", "ssm:GetParameter"])
def test_deployer_can_read_neither_files_nor_keys(action: str) -> None:
    opened = [
        statement["Sid"]
        for statement in STATEMENTS
        if any(fnmatchcase(action.lower(), pattern.lower()) for pattern in listed(statement["Action"]))
    ]
    assert opened in ([], ["CodeOfThisApplication"], ["KeyOfTheBackups"])


def test_policy_fits_in_one_managed_policy() -> None:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html, which does not count white space
    assert len(re.sub(r"\s", "", json.dumps(POLICY))) <= 6_144
