"""The metrics that alarms and the dashboard use: the functions' own, and those of the AWS services."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from infra.alarms import PERIOD
from infra.cdn import Cdn
from infra.config import Config
from infra.edge_monitoring import edge_metric
from infra.file_store import FileStore
from infra.functions import Functions
from infra.graphql_api import GraphqlApi
from infra.http_api import HttpApi
from infra.us_east_1 import REGION


class Metrics:
    """The metrics of one stack."""

    def __init__(
        self,
        config: Config,
        *,
        functions: Functions,
        api: GraphqlApi,
        http_api: HttpApi | None,
        cdn: Cdn,
        files: FileStore,
    ) -> None:
        self.functions = functions.added
        self._namespace = config.stack_name
        self._api_id = api.api_id
        self._http_api_id = http_api.api_id if http_api else ""
        self._distribution_id = cdn.distribution.distribution_id
        self._bucket_name = files.bucket.bucket_name

    def own(
        self, name: str, service: str, statistic: str = cloudwatch.Stats.SUM, *, period: Duration = PERIOD
    ) -> cloudwatch.Metric:
        """Return a metric that the function with this handler writes, in all its reasons together."""
        return cloudwatch.Metric(
            namespace=self._namespace,
            metric_name=name,
            dimensions_map={"service": service},
            statistic=statistic,
            period=period,
        )

    def by_reason(self, name: str) -> cloudwatch.MathExpression:
        """Return a metric of all functions by reason, for graphs: an alarm cannot search."""
        return cloudwatch.MathExpression(
            expression=f"SEARCH('{{\"{self._namespace}\",reason,service}} MetricName=\"{name}\"', 'Sum', 300)",
            label="",
            using_metrics={},
            period=PERIOD,
        )

    def graphql(self, name: str, statistic: str = cloudwatch.Stats.SUM) -> cloudwatch.Metric:
        """https://docs.aws.amazon.com/appsync/latest/devguide/monitoring.html"""
        return cloudwatch.Metric(
            namespace="AWS/AppSync",
            metric_name=name,
            dimensions_map={"GraphQLAPIId": self._api_id},
            statistic=statistic,
            period=PERIOD,
        )

    def http(self, name: str) -> cloudwatch.Metric | None:
        """https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html"""
        if not self._http_api_id:
            return None
        return cloudwatch.Metric(
            namespace="AWS/ApiGateway",
            metric_name=name,
            dimensions_map={"ApiId": self._http_api_id},
            statistic=cloudwatch.Stats.SUM,
            period=PERIOD,
        )

    def edge(self, name: str, statistic: str) -> cloudwatch.Metric:
        return edge_metric(self._distribution_id, name, statistic, region=REGION)

    def bucket(self, name: str, storage: str) -> cloudwatch.Metric:
        """Return a metric that S3 writes once a day, without charge.

        https://docs.aws.amazon.com/AmazonS3/latest/userguide/metrics-dimensions.html
        """
        return cloudwatch.Metric(
            namespace="AWS/S3",
            metric_name=name,
            dimensions_map={"BucketName": self._bucket_name, "StorageType": storage},
            statistic=cloudwatch.Stats.AVERAGE,
            period=Duration.days(1),
        )
