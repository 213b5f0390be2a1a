"""Monitoring, with the setting `monitoring`: alarms, a dashboard, and saved queries of the logs."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.alarms import PERIOD, Alarms
from infra.cdn import Cdn
from infra.config import Config
from infra.dashboard import Dashboard
from infra.edge_monitoring import EdgeMonitoring
from infra.file_store import FileStore
from infra.functions import Functions
from infra.graphql_api import GraphqlApi
from infra.http_api import HttpApi
from infra.metrics import Metrics

# CloudFormation invokes these, and shows what they refuse to the person who deploys.
DEPLOYMENT = ("signing_key_handler", "rotation_handler")
# The handlers stop their own work 4 s before the timeout, so a call that takes longer hangs.
BEFORE_TIMEOUT = Duration.seconds(2)
MIN_CALLS = 10  # in a period; of fewer, one caller's mistakes can be all
WHO_GOT_A_LINK = "Who got a link to this file"
QUERIES = {
    WHO_GOT_A_LINK: """fields @timestamp, caller, expires, function_request_id
| filter message = "signed" and @message like '"hello.txt"'
| sort @timestamp desc
| limit 1000""",
    "Refusals by reason": """filter ispresent(reason) and ispresent(Refused.0)
| stats sum(Refused.0) as refused by service, reason, bin(1h) as hour
| sort hour desc, refused desc""",
    "Failures": """filter message = "failed" or message = "refused" and level = "ERROR"
  or message = "a signing key could not be read"
| fields @timestamp, service, reason, exception, function_request_id
| sort @timestamp desc
| limit 100""",
    "Slowest calls": """filter @type = "REPORT"
| fields @timestamp, @duration, @initDuration, @maxMemoryUsed / 1000000 as megabytes, @requestId, @log
| sort @duration desc
| limit 100""",
}


class Monitoring(Construct):
    """The alarms on everything in the stack's own Region; those on CloudFront only if that is us-east-1."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        functions: Functions,
        api: GraphqlApi,
        http_api: HttpApi | None,
        cdn: Cdn,
        files: FileStore,
    ) -> None:
        super().__init__(scope, construct_id)
        self._alarms = Alarms(self, "Alarms", config=config)
        self._metrics = Metrics(config, functions=functions, api=api, http_api=http_api, cdn=cdn, files=files)
        for handler, function in functions.added.items():
            self._watch(handler, function)
        self._watch_signing_key(config)
        self._watch_apis()
        distribution_id = cdn.distribution.distribution_id
        in_this_region = list(self._alarms.all)
        EdgeMonitoring(self, "Edge", distribution_id=distribution_id, alarms=self._alarms)
        Dashboard(self, "Dashboard", metrics=self._metrics, alarms=in_this_region)
        self._save_queries(config, functions)

    def _watch(self, handler: str, function: lambda_.Function) -> None:
        name = function.node.id
        self._alarms.add(
            f"{name}Failed",
            section="failed",
            meaning=f"{name} failed: callers got errors that are not their mistake.",
            metric=self._metrics.own("Failed", handler),
        )
        if handler in DEPLOYMENT:
            self._alarms.add(
                f"{name}Errors",
                section="errors",
                meaning=f"{name} could not respond to CloudFormation: a deployment or a key rotation hangs or failed.",
                metric=function.metric_errors(period=PERIOD, statistic=cloudwatch.Stats.SUM),
            )
            return
        # Not each of its `Errors`, because a refused GraphQL request is one. But if there is nothing else for a quarter
        # of an hour, the function may be unable to start, and then it writes no metric of its own.
        self._alarms.add(
            f"{name}Down",
            section="down",
            meaning=f"Every call of {name} ended with an error.",
            metric=cloudwatch.MathExpression(
                expression=f"IF(calls >= {MIN_CALLS} AND errors == calls, 1, 0)",
                using_metrics={
                    "calls": function.metric_invocations(period=PERIOD, statistic=cloudwatch.Stats.SUM),
                    "errors": function.metric_errors(period=PERIOD, statistic=cloudwatch.Stats.SUM),
                },
                period=PERIOD,
            ),
            periods=3,
        )
        self._alarms.add(
            f"{name}Throttles",
            section="throttles",
            meaning=f"{name} was not started for some requests: its concurrency, or the account's, is used up.",
            metric=function.metric_throttles(period=PERIOD, statistic=cloudwatch.Stats.SUM),
        )
        assert function.timeout  # noqa: S101 - every function has one
        self._alarms.add(
            f"{name}Slow",
            section="slow",
            meaning=f"Calls of {name} took almost as long as they may, or longer.",
            metric=function.metric_duration(period=PERIOD, statistic=cloudwatch.Stats.percentile(99)),
            threshold=function.timeout.to_milliseconds() - BEFORE_TIMEOUT.to_milliseconds(),
        )

    def _watch_signing_key(self, config: Config) -> None:
        self._alarms.add(
            "SigningKeyUnavailable",
            section="signing-key-unavailable",
            meaning="A signing key could not be read or used; another key, or one in memory, may still sign.",
            metric=self._metrics.own("SigningKeyUnavailable", "url_handler"),
        )
        if config.signing_key_max_age:
            self._alarms.add(
                "SigningKeyOld",
                section="signing-key-old",
                meaning=f"The key that signs has done so for more than {config.signing_key_max_age} days.",
                # The minimum, because an older key may sign for a moment if the newest cannot be read.
                metric=self._metrics.own(
                    "SigningKeyAgeDays", "url_handler", cloudwatch.Stats.MINIMUM, period=Duration.days(1)
                ),
                threshold=config.signing_key_max_age,
                comparison=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
                # A day without requests makes no key younger.
                missing=cloudwatch.TreatMissingData.IGNORE,
            )

    def _watch_apis(self) -> None:
        # Two periods of three: AWS has errors of its own that pass.
        for name, metric, section in (
            ("GraphqlErrors", self._metrics.graphql("5XXError"), "graphql-errors"),
            ("HttpErrors", self._metrics.http("5xx"), "http-errors"),
        ):
            if metric:
                self._alarms.add(
                    name,
                    section=section,
                    meaning=f"{'AppSync' if name == 'GraphqlErrors' else 'The HTTP API'} returned 5xx to callers.",
                    metric=metric,
                    periods=3,
                    breaching_periods=2,
                )

    def _save_queries(self, config: Config, functions: Functions) -> None:
        for name, query in QUERIES.items():
            # Insights charges for the gigabytes that a query reads.
            searched = ["url_handler"] if name == WHO_GOT_A_LINK else list(functions.added)
            logs.CfnQueryDefinition(
                self,
                f"Query-{name.replace(' ', '-')}",
                name=f"{config.stack_name}/{name}",
                query_string=query,
                log_group_names=[functions.added[handler].log_group.log_group_name for handler in searched],
            )
