"""What watches CloudFront: its metrics exist only in us-east-1, where alarms on them must be.

If the stack is in us-east-1, the alarms are a part of it. Otherwise they are a small stack of their own, which `app.py`
defines if `distribution_id` is given.
"""

from __future__ import annotations

from aws_cdk import Annotations, Aws, CfnCondition, CfnResource, Environment, Fn, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.access_logs import CdnAccess
from infra.alarms import PERIOD, Alarms
from infra.config import Config
from infra.log_groups import LogGroups

REGION = "us-east-1"
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
        condition = _in_us_east_1(self)
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
            ).node.default_child
            assert isinstance(alarm, CfnResource)  # noqa: S101 - the type of its default child
            alarm.cfn_options.condition = condition

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


def only_in_us_east_1(construct: Construct) -> None:
    """Create the resources of the construct only if the stack is in us-east-1."""
    condition = _in_us_east_1(construct)
    for child in construct.node.find_all():
        if isinstance(child, CfnResource):
            child.cfn_options.condition = condition


def _in_us_east_1(scope: Construct) -> CfnCondition:
    # The stack can be deployed in any Region, so only CloudFormation knows where it is.
    stack, name = Stack.of(scope), "InUsEast1"
    found = stack.node.try_find_child(name)
    if isinstance(found, CfnCondition):
        return found
    return CfnCondition(stack, name, expression=Fn.condition_equals(Aws.REGION, REGION))


class EdgeStack(Stack):
    """The same in us-east-1, for a stack in another Region whose distribution has the id `config.distribution_id`."""

    def __init__(self, scope: Construct, *, config: Config) -> None:
        super().__init__(
            scope,
            edge_stack_name(config),
            env=Environment(region=REGION),
            description="Alarms on CloudFront, and its access log, for a stack of private files in another Region.",
            termination_protection=config.retain_data,
        )
        if config.monitoring:
            alarms = Alarms(self, "Alarms", config=config)
            EdgeMonitoring(self, "EdgeMonitoring", distribution_id=config.distribution_id, alarms=alarms)
        if config.access_logs:
            log_groups = LogGroups(self, "LogGroups", config=config)
            distribution_id = config.distribution_id
            CdnAccess(self, "CdnAccess", config=config, log_groups=log_groups, distribution_id=distribution_id)


def edge_stack_name(config: Config) -> str:
    return f"{config.stack_name}-{REGION}"


def announce_edge_stack(stack: Stack, *, config: Config, region: str) -> None:
    """Tell who deploys the stack into another Region than us-east-1 how to watch CloudFront."""
    if (config.monitoring or config.access_logs) and not config.distribution_id and region not in ("", REGION):
        Annotations.of(stack).add_info_v2(
            "private-files:edge-monitoring",
            f"Alarms on CloudFront and its access log must be in {REGION}. To have them, deploy another stack after "
            "this one: "
            f"cdk deploy {edge_stack_name(config)} -c distribution_id=… (the output DistributionId)",
        )
