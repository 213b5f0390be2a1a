"""Counts what was not carried out: `Refused` is a caller's mistake, `Failed` is ours. Each also by its reason.

Every combination of a metric's name and its dimensions is a custom metric with a price, so the reasons are bounded:
they are names of classes in this package, never anything that a caller sent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from aws_lambda_powertools import Logger, Metrics, single_metric
from aws_lambda_powertools.metrics import MetricUnit

from resolvers.errors import RequestRefused

OTHER = "Other"  # the reason of every failure whose class is not one of ours

logger = Logger()


def count_error(metrics: Metrics, error: Exception) -> None:
    """Count the exception that ended a request, and log it if it is a failure."""
    if isinstance(error, RequestRefused):
        count_refused(metrics, [type(error).__name__])
        return
    reason = type(error).__name__ if type(error).__module__.startswith("resolvers.") else OTHER
    logger.error("failed", reason=reason, exc_info=error)
    count_failed(metrics, [reason])


def count_refused(metrics: Metrics, reasons: Iterable[str]) -> None:
    """Count the refusals with these reasons, each the name of a subclass of RequestRefused."""
    _count(metrics, "Refused", reasons)


def count_failed(metrics: Metrics, reasons: Iterable[str]) -> None:
    """Count the failures with these reasons, each the name of another exception of this package, or OTHER."""
    _count(metrics, "Failed", reasons)


def _count(metrics: Metrics, name: str, reasons: Iterable[str]) -> None:
    counts = Counter(reasons)
    if counts:
        # Without the reason for alarms, which watch one metric each.
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=counts.total())
    for reason, count in counts.items():
        with single_metric(name=name, unit=MetricUnit.Count, value=count) as metric:
            metric.add_dimension(name="reason", value=reason)
