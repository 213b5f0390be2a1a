"""Names that are unique in a whole account: another for each Region, and the old ones for keys that are deployed."""

import json
from tempfile import TemporaryDirectory
from typing import Any

import aws_cdk as cdk
import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from infra.account_wide_name import MAX_LENGTH
from infra.config import Config, InvalidConfiguration
from infra.stack import PrivateFilesStack
from tests.synthesized import Resource, assembly, resources, synthesized

REGIONS = ["us-east-1", "eu-central-1", "ap-southeast-2", "us-isof-south-1"]
# CloudFront's policies, controls, keys and groups, and dashboards; a distribution has no name.
ACCOUNT_WIDE = (
    "AWS::CloudFront::",
    "AWS::CloudWatch::Dashboard",
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::InstanceProfile",
)
# The most that CloudFront, API Gateway, Cognito and AppSync take, by the last part of the property's path.
# https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_ResponseHeadersPolicyConfig.html and its siblings
LIMITS = {"Comment": 128, "Description": 256, "Name": 128, "CallerReference": 128, "ParameterName": 1011}
VARIANTS_WITH_NAMES = ["everything", "longest-names"]


def deployed(value: Any, region: str, pairs: dict[str, Resource]) -> Any:
    """The value in this Region: with its name, and with the names that the function gives a new pair of keys."""
    match value:
        case {"Ref": "AWS::Region"}:
            return region
        case {"Fn::GetAtt": [pair, "PublicKeyName" | "CallerReference"]}:
            return deployed(pairs[pair]["Properties"]["PublicKeyName"], region, pairs)
        case {"Fn::Join": [joint, parts]} if all(
            isinstance(part, str) or part == {"Ref": "AWS::Region"} for part in parts
        ):
            return joint.join(deployed(part, region, pairs) for part in parts)
        case dict():
            return {key: deployed(part, region, pairs) for key, part in value.items()}
        case list():
            return [deployed(part, region, pairs) for part in value]
    return value


def texts(value: Any, path: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    """Every text below the value, with the last part of its path that is not a number."""
    match value:
        case str():
            return [(path[-1], value)] if path else []
        case dict():
            return [found for key, part in value.items() for found in texts(part, (*path, key))]
        case list():
            return [found for part in value for found in texts(part, path)]
    return []


def names(variant: str, region: str) -> list[tuple[str, str, str]]:
    """Type, property and text of every name and reference of what is unique in the account."""
    pairs = resources("Custom::SigningKeyPair", variant)
    return [
        (resource["Type"], key, text)
        for resource in synthesized(variant)["Resources"].values()
        if resource["Type"].startswith(ACCOUNT_WIDE)
        for key, text in texts(deployed(resource["Properties"], region, pairs))
        if key in ("Name", "DashboardName", "CallerReference", "ManagedPolicyName", "InstanceProfileName")
    ]


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS_WITH_NAMES)
def test_two_regions_share_no_name_of_an_account(variant: str) -> None:
    here, there = (names(variant, region) for region in REGIONS[:2])
    kinds = {kind.rpartition("::")[2] for kind, _, _ in here}
    policies = {"CachePolicy", "ResponseHeadersPolicy"}
    assert kinds == {"PublicKey", "KeyGroup", "OriginAccessControl", "Dashboard"} | policies
    assert not set(here) & set(there)
    assert all("eu-central-1" in name for _, _, name in there)


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS_WITH_NAMES)
def test_names_of_one_stack_differ_by_type_at_least(variant: str) -> None:
    found = names(variant, REGIONS[-1])
    assert len(set(found)) == len(found)


@pytest.mark.slow
def test_stacks_whose_long_names_start_the_same_share_no_name_of_an_account() -> None:
    # Shortened names end in a hash of the whole path.
    assert not set(names("longest-names", "eu-west-1")) & set(names("other-longest-names", "eu-west-1"))


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS_WITH_NAMES)
def test_resources_without_a_region_in_their_name_are_named_by_cloudformation(variant: str) -> None:
    named = {"RoleName", "BucketName", "FunctionName", "UserPoolName", "ManagedPolicyName", "GroupName", "UserName"}
    for resource in synthesized(variant)["Resources"].values():
        literal = {key for key, value in resource.get("Properties", {}).items() if isinstance(value, str)}
        assert not resource["Type"].startswith("AWS::") or not named & literal


@pytest.mark.slow
@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("variant", VARIANTS_WITH_NAMES)
def test_every_name_and_comment_is_within_its_limit(variant: str, region: str) -> None:
    check_limits(synthesized(variant)["Resources"], region)


def check_limits(found: dict[str, Resource], region: str) -> None:
    pairs = {name: resource for name, resource in found.items() if resource["Type"] == "Custom::SigningKeyPair"}
    for resource in found.values():
        for key, text in texts(deployed(resource.get("Properties", {}), region, pairs)):
            limit = MAX_LENGTH if resource["Type"].endswith("OriginAccessControl") else LIMITS.get(key)
            assert limit is None or len(text) <= limit, (resource["Type"], key, text)


KEY_NAMES = st.lists(st.from_regex(r"\A[A-Za-z0-9-]{1,40}\Z"), min_size=1, max_size=5, unique=True)


@pytest.mark.slow
@given(
    stack_name=st.from_regex(r"\A[A-Za-z][A-Za-z0-9-]{0,60}\Z"),
    files_folder=st.from_regex(r"\A[A-Za-z0-9._-]{1,120}(/[A-Za-z0-9._-]{1,120})?\Z"),
    key_names=KEY_NAMES,
    more=st.sampled_from([{}, {"auth": "off"}]),
)
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
def test_settings_that_are_accepted_give_names_within_their_limits(
    stack_name: str, files_folder: str, key_names: list[str], more: dict[str, str]
) -> None:
    context = {"stack_name": stack_name, "files_folder": files_folder, "signing_keys": ",".join(key_names)}
    try:
        config = Config.from_context(context | more | {"frontend": "on", "rest": "on"})
    except InvalidConfiguration:
        reject()
    with TemporaryDirectory() as folder:
        app = cdk.App(outdir=folder, context={"aws:cdk:disable-asset-staging": True})
        stack = PrivateFilesStack(app, config.stack_name, config=config)
        check_limits(app.synth().get_stack_by_name(stack.stack_name).template["Resources"], REGIONS[-1])


def test_public_key_that_is_deployed_keeps_its_name_and_caller_reference() -> None:
    # CloudFront refuses every change of a public key, and the rest of the deployment with it.
    [pair] = resources("Custom::SigningKeyPair").values()
    assert pair["Properties"]["FormerPublicKeyName"] == "PrivateFilesSigningKeyGeneration1PublicEC9CB673"
    assert pair["Properties"]["FormerCallerReference"] == "c88075dcd43f07082275b0621244b2dfe1826471a4"
    [(logical_id, public_key)] = resources("AWS::CloudFront::PublicKey").items()
    assert logical_id == "SigningKeyGeneration1Public2335EE66"
    [pair_id] = resources("Custom::SigningKeyPair")
    assert public_key["Properties"]["PublicKeyConfig"] == {
        "Name": {"Fn::GetAtt": [pair_id, "PublicKeyName"]},
        "CallerReference": {"Fn::GetAtt": [pair_id, "CallerReference"]},
        "EncodedKey": {"Fn::GetAtt": [pair_id, "PublicKeyPem"]},
    }


@pytest.mark.slow
def test_no_address_of_aws_is_written_with_its_suffix() -> None:
    # It is another one in China. The names of services end in amazonaws.com everywhere.
    for variant in ("page", "everything"):
        text = json.dumps(assembly(variant).template)
        hosts = {part.split('"')[0] for part in text.split("https://")[1:]}
        assert not [host for host in hosts if "amazonaws.com" in host]
