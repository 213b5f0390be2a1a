"""The dashboard that tells whether an error is ours, the edge's or S3's."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.alarms import PERIOD
from infra.metrics import Metrics

HOW_TO_READ = """## Is it us, the edge or S3?
| what you see | where to look |
| --- | --- |
| `Failed` with `FilesUnavailable` or `UploadsUnavailable` | S3, or the permissions of our functions in it |
| `Failed` with `SigningKey…` | SSM or KMS, or a key that was changed or removed |
| `Failed` with another reason, throttles, long durations | us: the functions |
| 5xx of AppSync or of the HTTP API, but no `Failed` | AppSync or API Gateway, or functions that do not start |
| 5xx of CloudFront, but no `Failed` | the edge, or S3 and KMS behind it |
| 4xx of CloudFront | URLs that expired or were changed, or files that do not exist |
| `Refused` | mistakes of callers; see its reasons |"""


class Dashboard(Construct):
    """Four rows of graphs: what callers get, our functions and APIs, the edge, and the bucket."""

    def __init__(
        self, scope: Construct, construct_id: str, *, metrics: Metrics, alarms: Sequence[cloudwatch.IAlarm]
    ) -> None:
        super().__init__(scope, construct_id)
        functions = metrics.functions.values()
        served = [metrics.own("UrlsSigned", "url_handler"), metrics.own("FilesListed", "files_handler")]
        if "upload_handler" in metrics.functions:
            uploads = ("UploadsStarted", "UploadsFinished", "FilesDeleted")
            served += [metrics.own(name, "upload_handler") for name in uploads]
        graphql = [metrics.graphql(name).with_(label=f"AppSync {name}") for name in ("5XXError", "4XXError")]
        http = [each.with_(label=f"HTTP API {name}") for name in ("5xx", "4xx") if (each := metrics.http(name))]
        cloudwatch.Dashboard(
            self,
            "Dashboard",
            # Dashboards have no Region, so their names are unique in the account.
            # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html
            dashboard_name=f"{Stack.of(self).stack_name}-{Stack.of(self).region}",
            default_interval=Duration.hours(12),
            widgets=[
                [
                    cloudwatch.TextWidget(markdown=HOW_TO_READ, width=12, height=7),
                    cloudwatch.AlarmStatusWidget(title="Alarms", alarms=list(alarms), width=12, height=7),
                ],
                [
                    _graph("Served", *served),
                    _graph("Refused, by reason", metrics.by_reason("Refused")),
                    _graph("Failed, by reason", metrics.by_reason("Failed")),
                ],
                [
                    _graph(
                        "Us: functions not started",
                        *(each.metric_throttles(period=PERIOD, label=each.node.id) for each in functions),
                    ),
                    _graph(
                        "Us: duration p99",
                        *(
                            each.metric_duration(period=PERIOD, statistic="p99", label=each.node.id)
                            for each in functions
                        ),
                    ),
                    _graph("Us: errors of the APIs", *graphql, *http),
                ],
                [
                    _graph("The edge: requests", metrics.edge("Requests", cloudwatch.Stats.SUM)),
                    _graph(
                        "The edge: percentage of errors",
                        metrics.edge("4xxErrorRate", cloudwatch.Stats.AVERAGE),
                        metrics.edge("5xxErrorRate", cloudwatch.Stats.AVERAGE),
                    ),
                    _graph("The edge: bytes sent", metrics.edge("BytesDownloaded", cloudwatch.Stats.SUM)),
                ],
                [
                    _graph("S3: files and their versions", metrics.bucket("NumberOfObjects", "AllStorageTypes")),
                    _graph("S3: bytes", metrics.bucket("BucketSizeBytes", "StandardStorage")),
                    _graph(
                        "The signing key: days in use, and failures to read it",
                        metrics.own("SigningKeyAgeDays", "url_handler", cloudwatch.Stats.MINIMUM),
                        metrics.own("SigningKeyUnavailable", "url_handler"),
                    ),
                ],
            ],
        )


def _graph(title: str, *metrics: cloudwatch.IMetric) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=list(metrics), width=8, height=6)
