"""AWS WAF in front of the GraphQL API, with the setting `waf`: a limit for each address, and AWS's managed rules."""

from aws_cdk import aws_wafv2 as wafv2
from constructs import Construct

from infra.config import Config

_SECONDS = 300  # the window in which WAF counts the requests of an address
# Bodies of more than 8 KB are ordinary here: getUrls takes 1,000 names. And names may contain what these rules look
# for, such as `<` or `../`; the functions check every name themselves.
# https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-baseline.html
COUNTED_ONLY = (
    "SizeRestrictions_BODY",
    "CrossSiteScripting_BODY",
    "EC2MetaDataSSRF_BODY",
    "GenericLFI_BODY",
    "GenericRFI_BODY",
)
_MANAGED = {
    "AWSManagedRulesAmazonIpReputationList": (),
    "AWSManagedRulesCommonRuleSet": COUNTED_ONLY,
    "AWSManagedRulesKnownBadInputsRuleSet": (),
}


class WebAcl(Construct):
    """Refuses an address that sends more than `waf_rate_limit` requests in five minutes, and what AWS's rules refuse.

    It has no effect on the HTTP API: WAF does not support HTTP APIs.
    """

    def __init__(self, scope: Construct, construct_id: str, *, config: Config, api_arn: str) -> None:
        super().__init__(scope, construct_id)
        rate = wafv2.CfnWebACL.RuleProperty(
            name="RequestsOfAnAddress",
            priority=0,
            action=wafv2.CfnWebACL.RuleActionProperty(block={}),
            statement=wafv2.CfnWebACL.StatementProperty(
                rate_based_statement=wafv2.CfnWebACL.RateBasedStatementProperty(
                    aggregate_key_type="IP", limit=config.waf_rate_limit, evaluation_window_sec=_SECONDS
                )
            ),
            visibility_config=_visible("RequestsOfAnAddress"),
        )
        managed = [self._managed(name, priority) for priority, name in enumerate(_MANAGED, 1)]
        acl = wafv2.CfnWebACL(
            self,
            "Acl",
            scope="REGIONAL",
            default_action=wafv2.CfnWebACL.DefaultActionProperty(allow={}),
            description=f"{config.stack_name}: the GraphQL API",
            rules=[rate, *managed],
            visibility_config=_visible("GraphqlApi"),
        )
        wafv2.CfnWebACLAssociation(self, "Association", resource_arn=api_arn, web_acl_arn=acl.attr_arn)

    def _managed(self, name: str, priority: int) -> wafv2.CfnWebACL.RuleProperty:
        counted = [
            wafv2.CfnWebACL.RuleActionOverrideProperty(
                name=rule, action_to_use=wafv2.CfnWebACL.RuleActionProperty(count={})
            )
            for rule in _MANAGED[name]
        ]
        return wafv2.CfnWebACL.RuleProperty(
            name=name,
            priority=priority,
            override_action=wafv2.CfnWebACL.OverrideActionProperty(none={}),
            statement=wafv2.CfnWebACL.StatementProperty(
                managed_rule_group_statement=wafv2.CfnWebACL.ManagedRuleGroupStatementProperty(
                    name=name, vendor_name="AWS", rule_action_overrides=counted or None
                )
            ),
            visibility_config=_visible(name),
        )


def _visible(name: str) -> wafv2.CfnWebACL.VisibilityConfigProperty:
    # Sampled requests would show headers, and so tokens.
    return wafv2.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=False
    )
