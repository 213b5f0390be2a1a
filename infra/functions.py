"""The Lambda functions, each with its own role, log group and settings."""

from __future__ import annotations

from aws_cdk import Acknowledgment, Duration, Validations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.bundle import archive
from infra.config import Config
from infra.log_groups import LogGroups
from resolvers.settings import AnySettings, to_environment


class Functions(Construct):
    """Creates Python functions, each with its own role, log group and settings."""

    def __init__(self, scope: Construct, construct_id: str, *, config: Config, log_groups: LogGroups) -> None:
        super().__init__(scope, construct_id)
        self._config = config
        self._log_groups = log_groups
        self.added: dict[str, lambda_.Function] = {}  # by handler, which is also the `service` of its metrics

    def add(
        self,
        name: str,
        *,
        handler: str,
        settings: AnySettings,
        cryptography: bool = False,
        timeout: Duration | None = None,
        concurrency: int = 0,
    ) -> lambda_.Function:
        """Add the function `resolvers/<handler>.py`, whose role may only write to its own log group.

        `cryptography` adds that library to its bundle. `concurrency` is reserved for the function, and the most that it
        gets of the account; 0 reserves nothing. `timeout` defaults to 29 s, just under the 30 s AppSync waits.
        """
        log_group = self._log_groups.add(self, f"{name}Logs")
        role = iam.Role(self, f"{name}Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log_group.grant_write(role)
        code = archive(self._config.architecture, cryptography=cryptography)
        function = lambda_.Function(
            self,
            name,
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64
            if self._config.architecture == "arm64"
            else lambda_.Architecture.X86_64,
            # The CDK's own hash would depend on this machine's compression library.
            code=lambda_.Code.from_asset(str(code), asset_hash=code.stem),
            handler=f"resolvers.{handler}.handler",
            role=role,
            log_group=log_group,
            memory_size=512,
            reserved_concurrent_executions=concurrency or None,
            timeout=timeout or Duration.seconds(29),
            tracing=lambda_.Tracing.ACTIVE if self._config.tracing else lambda_.Tracing.DISABLED,
            environment=to_environment(settings)
            | {
                "POWERTOOLS_SERVICE_NAME": handler,
                "POWERTOOLS_METRICS_NAMESPACE": self._config.stack_name,
                "POWERTOOLS_LOG_LEVEL": self._config.log_level,
            },
        )
        self.added[handler] = function
        if self._config.tracing:
            Validations.of(role).acknowledge(
                Acknowledgment(
                    id="AwsSolutions-IAM5[Resource::*]", reason="X-Ray's actions have no resources to restrict them to."
                )
            )
        Validations.of(function).acknowledge(
            Acknowledgment(
                id="AwsSolutions-L1",
                reason="The bundle's wheels are pinned for Python 3.13; a newer runtime needs new wheels.",
            )
        )
        return function

    def live(self, function: lambda_.Function) -> lambda_.IFunction:
        """Return what to invoke: the function or, with the setting `snap_start`, an alias of its current version, which
        starts from a snapshot of the initialised process.

        The snapshot is safe to start many times. It contains no key, because the function calls SSM only for a request,
        and ECDSA nonces are derived from key and message (RFC 6979), so processes never repeat one by chance.
        """
        if not self._config.snap_start:
            return function
        cfn = function.node.default_child
        assert isinstance(cfn, lambda_.CfnFunction)  # noqa: S101 - the type of its default child
        cfn.snap_start = lambda_.CfnFunction.SnapStartProperty(apply_on="PublishedVersions")
        return lambda_.Alias(function, "Live", alias_name="live", version=function.current_version)
