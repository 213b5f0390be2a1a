"""CloudFormation patches: saved queries of CloudWatch Logs Insights, and alarms on a metric math expression.

ministack lacks:
- the type AWS::Logs::QueryDefinition, and the API of saved queries. The patch checks one as CloudWatch Logs does.
- `Metrics` of an alarm. The patch keeps the alarm, which has no state: ministack has no metrics of CloudFront.
"""

import re
import uuid
from typing import Any

from ministack.services import cloudwatch_logs
from ministack.services.cloudformation import provisioners

from local.embedded_aws import upstream

_NOT_OPERANDS = {"IF", "AND", "OR", "FILL", "SUM", "MIN", "MAX", "AVG", "METRICS"}


def apply() -> None:
    upstream.add_resource_type(
        "AWS::Logs::QueryDefinition",
        create=lambda _logical_id, props, _stack: _query(str(uuid.uuid4()), props),
        update=lambda physical_id, _old, new, _stack: _query(physical_id, new),
        delete=lambda _physical_id, _props: None,
    )
    record = upstream.original(provisioners, "_cw_metric_alarm_record", "4565fcede1eb")

    def record_with_math(name: str, props: dict[str, Any]) -> dict[str, Any]:
        if not props.get("Metrics"):
            return dict(record(name, props))
        first = check_math(props)
        stand_in = {key: value for key, value in props.items() if key != "Metrics"} | first["Metric"]
        alarm = record(name, stand_in | {"Statistic": first["Stat"], "Period": first["Period"]})
        for member in ("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Period", "Dimensions"):
            del alarm[member]
        return {**alarm, "Metrics": props["Metrics"]}

    provisioners._cw_metric_alarm_record = record_with_math


def _query(physical_id: str, props: dict[str, Any]) -> tuple[str, dict[str, str]]:
    # https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutQueryDefinition.html
    if not 1 <= len(props["Name"]) <= 255 or not 1 <= len(props["QueryString"]) <= 10_000:
        raise ValueError("AWS::Logs::QueryDefinition: the name or the query is too short or too long.")
    missing = [name for name in props.get("LogGroupNames", []) if name not in cloudwatch_logs._log_groups]
    if missing:
        raise ValueError(f"AWS::Logs::QueryDefinition: the log groups {missing} do not exist.")
    return physical_id, {"QueryDefinitionId": physical_id}


def check_math(props: dict[str, Any]) -> dict[str, Any]:
    """Return the first metric of an alarm on an expression. Raises ValueError if CloudWatch would refuse the alarm.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataQuery.html
    """
    queries = props["Metrics"]
    if {"MetricName", "Namespace", "Statistic", "Period"} & props.keys():
        raise ValueError("AWS::CloudWatch::Alarm has Metrics and a metric of its own.")
    ids = [query["Id"] for query in queries]
    if len(set(ids)) != len(ids) or not all(re.fullmatch(r"[a-z]\w{0,254}", each) for each in ids):
        raise ValueError(f"AWS::CloudWatch::Alarm: the ids {ids} are not unique, or start with no lower-case letter.")
    # The default of ReturnData is true.
    if sum(query.get("ReturnData", True) not in (False, "false") for query in queries) != 1:
        raise ValueError("AWS::CloudWatch::Alarm: exactly one of the Metrics must return data.")
    for query in queries:
        if ("Expression" in query) == ("MetricStat" in query):
            raise ValueError(f"AWS::CloudWatch::Alarm: {query['Id']} is not either an expression or a metric.")
        operands = set(re.findall(r"[A-Za-z_]\w*", query.get("Expression", ""))) - _NOT_OPERANDS
        if unknown := operands - set(ids):
            raise ValueError(f"AWS::CloudWatch::Alarm: {sorted(unknown)} in the expression is not one of the Metrics.")
    stat: dict[str, Any] = next(query["MetricStat"] for query in queries if "MetricStat" in query)
    return stat
