"""Reads metrics from what a function has printed, as CloudWatch Logs does, and refuses what CloudWatch would drop.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
_UNITS = {"Count", "Seconds", "Milliseconds", "Bytes", "Percent", "None"}


@dataclass(frozen=True)
class Metric:
    """One metric of CloudWatch: what an alarm must name to watch it. `dimensions` is sorted."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]


def metrics(printed: str) -> dict[Metric, list[float]]:
    """Return the values of every metric in these lines; lines that are not in this format are ignored."""
    found: dict[Metric, list[float]] = {}
    for line in printed.splitlines():
        if not line.startswith("{") or "_aws" not in (root := json.loads(line)):
            continue
        assert len(line.encode()) <= 256 * 1024
        assert isinstance(root["_aws"]["Timestamp"], int)
        for directive in root["_aws"]["CloudWatchMetrics"]:
            for metric, values in _extracted(root, directive):
                found.setdefault(metric, []).extend(values)
    return found


def _extracted(root: dict[str, Any], directive: dict[str, Any]) -> list[tuple[Metric, list[float]]]:
    namespace, definitions = directive["Namespace"], directive["Metrics"]
    assert re.fullmatch(r"[0-9A-Za-z.\-_/#:]{1,256}", namespace)
    assert not namespace.startswith("AWS/")
    assert 1 <= len(definitions) <= 100
    return [
        (Metric(namespace, definition["Name"], _dimensions(root, names)), _values(root, definition))
        for names in directive["Dimensions"]
        for definition in definitions
    ]


def _dimensions(root: dict[str, Any], names: list[str]) -> tuple[tuple[str, str], ...]:
    assert len(names) <= 30
    pairs = sorted((name, root[name]) for name in names)
    assert all(isinstance(value, str) and 1 <= len(value) <= 1024 and value.isascii() for _, value in pairs)
    return tuple(pairs)


def _values(root: dict[str, Any], definition: dict[str, Any]) -> list[float]:
    value = root[definition["Name"]]
    values = value if isinstance(value, list) else [value]
    assert definition.get("Unit", "None") in _UNITS
    assert 1 <= len(values) <= 100
    assert all(isinstance(each, (int, float)) and not isinstance(each, bool) for each in values)
    return values
