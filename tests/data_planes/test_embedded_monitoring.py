"""Saved queries and alarms on expressions in the emulator: accepted and refused as on AWS."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ministack.services import cloudwatch, cloudwatch_logs
from ministack.services.cloudformation import provisioners

from local.embedded_aws import monitoring

ALARM, QUERY = "AWS::CloudWatch::Alarm", "AWS::Logs::QueryDefinition"
RATE: dict[str, Any] = {
    "MetricStat": {
        "Metric": {"Namespace": "AWS/CloudFront", "MetricName": "5xxErrorRate"},
        "Stat": "Average",
        "Period": 300,
    }
}
METRICS: list[dict[str, Any]] = [
    {"Id": "share", "Expression": "IF(requests >= 100, rate, 0)"},
    {"Id": "rate", "ReturnData": False} | RATE,
    {"Id": "requests", "ReturnData": False} | RATE,
]
PROPERTIES = {
    "AlarmName": "an-alarm",
    "ComparisonOperator": "GreaterThanThreshold",
    "Threshold": 5,
    "EvaluationPeriods": 3,
}

Create = Callable[[str, dict[str, Any]], Any]


@pytest.fixture
def create(monkeypatch: pytest.MonkeyPatch) -> Create:
    """Create a resource of this type in the patched emulator."""
    handlers = dict(provisioners._RESOURCE_HANDLERS)
    monkeypatch.setattr(provisioners, "_RESOURCE_HANDLERS", handlers)
    monkeypatch.setattr(provisioners, "_cw_metric_alarm_record", provisioners._cw_metric_alarm_record)
    monkeypatch.setattr(cloudwatch, "_alarms", {})
    monkeypatch.setattr(cloudwatch_logs, "_log_groups", {"a-log-group": {}})
    monitoring.apply()
    return lambda kind, properties: handlers[kind]["create"]("Logical", properties, "Stack")


def test_alarm_on_an_expression_is_kept_with_its_metrics(create: Create) -> None:
    assert create(ALARM, PROPERTIES | {"Metrics": METRICS})[0] == "an-alarm"
    alarm = cloudwatch._alarms["an-alarm"]
    assert (alarm["Metrics"], alarm["Threshold"], alarm["StateValue"]) == (METRICS, 5, "INSUFFICIENT_DATA")
    assert not {"MetricName", "Namespace", "Period"} & alarm.keys()


def test_alarm_on_one_metric_is_left_to_the_emulator(create: Create) -> None:
    create(ALARM, PROPERTIES | {"MetricName": "Errors", "Namespace": "AWS/Lambda", "Statistic": "Sum"})
    assert cloudwatch._alarms["an-alarm"]["MetricName"] == "Errors"


@pytest.mark.parametrize(
    ("metrics", "more", "why"),
    [
        (METRICS, {"MetricName": "Errors"}, "a metric of its own"),
        (METRICS[:2], {}, "'requests'. in the expression is not one of"),
        ([METRICS[0] | {"Id": "Share"}, *METRICS[1:]], {}, "start with no lower-case letter"),
        ([*METRICS, METRICS[1]], {}, "not unique"),
        ([METRICS[0] | {"ReturnData": False}, *METRICS[1:]], {}, "exactly one"),
        ([*METRICS, {"Id": "another"} | RATE], {}, "exactly one"),
        ([METRICS[0] | RATE, *METRICS[1:]], {}, "not either an expression or a metric"),
    ],
)
def test_alarm_that_cloudwatch_would_refuse_is_refused(
    create: Create, metrics: list[dict[str, Any]], more: dict[str, str], why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        create(ALARM, PROPERTIES | {"Metrics": metrics} | more)
    assert cloudwatch._alarms == {}


def test_query_of_a_log_group_is_saved(create: Create) -> None:
    identifier, attributes = create(QUERY, {"Name": "a/b", "QueryString": "limit 1", "LogGroupNames": ["a-log-group"]})
    assert attributes == {"QueryDefinitionId": identifier}


@pytest.mark.parametrize(
    ("properties", "why"),
    [
        ({"Name": "a", "QueryString": "limit 1", "LogGroupNames": ["absent"]}, "absent"),
        ({"Name": "a" * 256, "QueryString": "limit 1"}, "too long"),
        ({"Name": "a", "QueryString": ""}, "too short"),
    ],
)
def test_query_that_cloudwatch_logs_would_refuse_is_refused(
    create: Create, properties: dict[str, Any], why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        create(QUERY, properties)
