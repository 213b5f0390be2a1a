"""The emulator of the running stack: nothing goes round the planes in front of it."""

from __future__ import annotations

import pytest
import requests

from tests.running_stack import Stack


def emulator(stack: Stack, method: str, path: str, **headers: str) -> requests.Response:
    url = stack.outputs.aws_endpoint_url + path
    return requests.request(method, url, headers=headers, verify=stack.outputs.aws_ca_bundle, timeout=30)


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/_ministack/reset"), ("GET", "/_ministack/health"), ("GET", "/")]
)
def test_emulator_is_controlled_by_its_launcher_only(stack: Stack, method: str, path: str) -> None:
    refused = emulator(stack, method, path)
    assert refused.status_code == 403
    assert refused.json()["message"] == "Only the program that started this emulator can send this request."


def test_distribution_of_the_emulator_which_checks_no_signature_serves_only_the_edge(stack: Stack) -> None:
    distributions = stack.client("cloudfront").list_distributions()["DistributionList"]["Items"]
    names = {found["Id"]: found["DomainName"] for found in distributions}
    headers = {"Host": names[stack.outputs.distribution_id], "X-Forwarded-Proto": "https"}
    assert emulator(stack, "GET", "/letter.pdf", **headers).status_code == 403


def test_graphql_endpoint_of_the_emulator_which_checks_no_token_is_closed(stack: Stack) -> None:
    (api,) = stack.client("appsync").list_graphql_apis()["graphqlApis"]
    assert emulator(stack, "POST", f"/v1/apis/{api['apiId']}/graphql", Authorization="x").status_code == 403


def test_alarms_and_the_dashboard_are_deployed(stack: Stack) -> None:
    cloudwatch = stack.client("cloudwatch")
    names = {alarm["AlarmName"] for alarm in cloudwatch.describe_alarms()["MetricAlarms"]}
    # The emulator is in us-east-1, where the alarms on CloudFront are.
    assert {"PrivateFiles-UrlFunctionFailed", "PrivateFiles-EdgeErrors"} <= names
    dashboards = cloudwatch.list_dashboards()["DashboardEntries"]
    assert [dashboard["DashboardName"] for dashboard in dashboards] == ["PrivateFiles-us-east-1"]
