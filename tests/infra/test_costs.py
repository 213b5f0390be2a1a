"""What the default stack costs at rest, counted from the template, is what docs/costs.md says."""

import re

from tests import PROJECT
from tests.synthesized import resources, synthesized

# In cents a month: https://aws.amazon.com/cloudwatch/pricing/ and https://aws.amazon.com/kms/pricing/
KEY, DASHBOARD, ALARM_ON_A_METRIC = 100, 300, 10
CUSTOM_METRICS = 3 * 30
# These cost nothing while nobody uses them.
FREE_AT_REST = {
    "AWS::ApiGatewayV2", "AWS::AppSync", "AWS::CDK", "AWS::CloudFront", "AWS::Cognito", "AWS::IAM", "AWS::Lambda",
    "AWS::Logs", "AWS::S3", "AWS::SNS", "Custom",
}  # fmt: skip


def test_default_stack_costs_at_rest_what_the_page_says_and_less_than_ten_dollars() -> None:
    keys, dashboards = resources("AWS::KMS::Key"), resources("AWS::CloudWatch::Dashboard")
    alarms = [each["Properties"] for each in resources("AWS::CloudWatch::Alarm").values()]
    watched = sum(max(1, sum("MetricStat" in query for query in alarm.get("Metrics", []))) for alarm in alarms)
    cents = len(keys) * KEY + len(dashboards) * DASHBOARD + watched * ALARM_ON_A_METRIC
    page = (PROJECT / "docs" / "costs.md").read_text()
    assert re.findall(r"\*\*\$([0-9.]+)( a month)?\*\*", page)[-2:] == [
        (f"{cents / 100:.2f}", ""),
        (f"{(cents + CUSTOM_METRICS) / 100:.2f}", ""),
    ]
    assert cents + CUSTOM_METRICS < 1000


def test_nothing_else_in_it_has_a_price_at_rest() -> None:
    priced = {"AWS::KMS::Key", "AWS::CloudWatch::Dashboard", "AWS::CloudWatch::Alarm"}
    kinds = {resource["Type"] for resource in synthesized("default")["Resources"].values()} - priced
    assert {kind for kind in kinds if kind.rpartition("::")[0] not in FREE_AT_REST} == set()
