"""What watches CloudFront, as a small stack in us-east-1, for a stack in another Region.

`app.py` defines it if `distribution_id` is given. In us-east-1, the stack itself contains the same.
"""

from __future__ import annotations

from aws_cdk import Annotations, Environment, Stack
from constructs import Construct

from infra.access_logs import CdnAccess
from infra.alarms import Alarms
from infra.config import Config
from infra.edge_monitoring import EdgeMonitoring
from infra.log_groups import LogGroups
from infra.us_east_1 import REGION


class EdgeStack(Stack):
    """The alarms on the distribution with the id `config.distribution_id`, and its access log."""

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
            f"this one: cdk deploy {edge_stack_name(config)} -c distribution_id=… (the output DistributionId)",
        )
