"""The alarms on CloudFront, whose metrics exist only in us-east-1, where alarms on them must be."""

from __future__ import annotations

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.alarms import PERIOD, Alarms
from infra.us_east_1 import only_in_us_east_1

MIN_REQUESTS = 100  # in a period; of fewer, one broken client or one scanner can be the most


def edge_metric(distribution_id: str, name: str, statistic: str, *, region: str | None = None) -> cloudwatch.Metric:
    """Return a metric of the distribution. A dashboard can show it from any Region with `region`, an alarm cannot.

    https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/programming-cloudwatch-metrics.html
    """
    return cloudwatch.Metric(
        namespace="AWS/CloudFront",
        metric_name=name,
        dimensions_map={"DistributionId": distribution_id, "Region": "Global"},
        statistic=statistic,
        period=PERIOD,
        region=region,
    )


class EdgeMonitoring(Construct):
    """The alarms on the distribution with this id, created only if the stack is in us-east-1."""

    def __init__(self, scope: Construct, construct_id: str, *, distribution_id: str, alarms: Alarms) -> None:
        super().__init__(scope, construct_id)
        for name, metric, section, percent, meaning in (
            ("EdgeErrors", "5xxErrorRate", "edge-errors", 5, "CloudFront could not serve files that it should serve."),
            (
                "EdgeRefusals",
                "4xxErrorRate",
                "edge-refusals",
                50,
                "CloudFront or S3 refused most of the requests for files, as it does for URLs that nobody signed.",
            ),
        ):
            alarm = alarms.add(
                name,
                section=section,
                meaning=meaning,
                metric=self._share(distribution_id, metric),
                threshold=percent,
                periods=3,
            )
            only_in_us_east_1(alarm)

    def _share(self, distribution_id: str, rate: str) -> cloudwatch.MathExpression:
        return cloudwatch.MathExpression(
            expression=f"IF(requests >= {MIN_REQUESTS}, rate, 0)",
            label=rate,
            using_metrics={
                "rate": edge_metric(distribution_id, rate, cloudwatch.Stats.AVERAGE),
                "requests": edge_metric(distribution_id, "Requests", cloudwatch.Stats.SUM),
            },
            period=PERIOD,
        )
