"""The limits in the synthesized stack: what one caller can take from the others, and from the account."""

from pathlib import Path

import pytest

from infra.web_acl import COUNTED_ONLY
from tests.synthesized import build, only, plain, resources, synthesized

CALLED_BY_USERS = ("files_handler", "url_handler", "upload_handler")


def reserved(variant: str) -> dict[str, int | None]:
    functions = [each["Properties"] for each in resources("AWS::Lambda::Function", variant).values()]
    return {
        function["Handler"].split(".")[1]: function.get("ReservedConcurrentExecutions")
        for function in functions
        if function["Handler"].startswith("resolvers.")
    }


def test_functions_that_users_call_take_at_most_their_share_of_the_account() -> None:
    limits = reserved("uploads")
    assert {name: limits.pop(name) for name in CALLED_BY_USERS} == dict.fromkeys(CALLED_BY_USERS, 50)
    assert set(limits.values()) == {None}


def test_nothing_is_reserved_if_the_setting_is_0() -> None:
    assert set(reserved("unwatched").values()) == {None}


def test_a_query_has_the_resolvers_of_a_full_page_and_few_more() -> None:
    _, api = only("AWS::AppSync::GraphQLApi")
    assert (api["ResolverCountLimit"], api["QueryDepthLimit"]) == (1100, 10)


def test_introspection_is_on_unless_it_is_turned_off() -> None:
    assert only("AWS::AppSync::GraphQLApi")[1].get("IntrospectionConfig", "ENABLED") == "ENABLED"
    assert only("AWS::AppSync::GraphQLApi", "watched")[1]["IntrospectionConfig"] == "DISABLED"


def test_web_acl_refuses_addresses_with_too_many_requests_and_what_the_managed_rules_refuse() -> None:
    acl_id, acl = only("AWS::WAFv2::WebACL", "watched")
    assert (acl["Scope"], acl["DefaultAction"]) == ("REGIONAL", {"Allow": {}})
    rate, *managed = sorted(acl["Rules"], key=lambda rule: rule["Priority"])
    assert (rate["Action"], rate["Statement"]["RateBasedStatement"]) == (
        {"Block": {}},
        {"AggregateKeyType": "IP", "Limit": 500, "EvaluationWindowSec": 300},
    )
    names = [rule["Statement"]["ManagedRuleGroupStatement"]["Name"] for rule in managed]
    assert names == [
        "AWSManagedRulesAmazonIpReputationList",
        "AWSManagedRulesCommonRuleSet",
        "AWSManagedRulesKnownBadInputsRuleSet",
    ]
    assert {str(rule["OverrideAction"]) for rule in managed} == {str({"None": {}})}
    overrides = managed[1]["Statement"]["ManagedRuleGroupStatement"]["RuleActionOverrides"]
    assert [(each["Name"], each["ActionToUse"]) for each in overrides] == [
        (name, {"Count": {}}) for name in COUNTED_ONLY
    ]
    assert not any(rule["VisibilityConfig"]["SampledRequestsEnabled"] for rule in acl["Rules"])  # they show tokens
    api_id, _ = only("AWS::AppSync::GraphQLApi", "watched")
    _, association = only("AWS::WAFv2::WebACLAssociation", "watched")
    assert plain(association) == {"ResourceArn": f"${{{api_id}.Arn}}", "WebACLArn": f"${{{acl_id}.Arn}}"}


def test_there_is_no_web_acl_by_default() -> None:
    kinds = {resource["Type"] for resource in synthesized("default")["Resources"].values()}
    assert not {kind for kind in kinds if "WAF" in kind}
    _, distribution = only("AWS::CloudFront::Distribution")
    assert "WebACLId" not in distribution["DistributionConfig"]


def test_the_distribution_has_the_web_acl_of_the_setting() -> None:
    _, distribution = only("AWS::CloudFront::Distribution", "watched")
    assert distribution["DistributionConfig"]["WebACLId"].endswith(
        ":global/webacl/Mine/0f4c1d2e-0000-4000-8000-000000000000"
    )


@pytest.mark.parametrize(("retain_data", "protected"), [("on", True), ("off", False)])
def test_a_stack_that_keeps_its_data_is_not_deleted_by_mistake(
    retain_data: str, protected: bool, tmp_path: Path
) -> None:
    _, stack = build({"retain_data": retain_data}, tmp_path)
    assert stack.termination_protection is protected
