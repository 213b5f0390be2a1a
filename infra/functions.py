"""The Lambda functions, each with a role, a log group and settings of its own."""

from __future__ import annotations

from aws_cdk import Acknowledgment, Duration, RemovalPolicy, Validations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.bundle import bundle
from infra.config import Config
from resolvers.settings import FilesSettings, MintSettings, NoSettings, UrlSettings, to_environment


class Functions(Construct):
    """Makes Python functions, each with a role, a log group and settings of its own."""

    def __init__(self, scope: Construct, construct_id: str, *, config: Config) -> None:
        super().__init__(scope, construct_id)
        self._config = config

    def add(
        self,
        name: str,
        *,
        handler: str,
        settings: FilesSettings | UrlSettings | MintSettings | NoSettings,
        cryptography: bool = False,
        timeout: Duration | None = None,
    ) -> lambda_.Function:
        """The function whose code is `resolvers/<handler>.py`; its role may write to its own log group, nothing else.

        With `cryptography` its bundle holds that too. `timeout` defaults to 29 s, just under the 30 s AppSync waits.
        """
        log_group = logs.LogGroup(
            self, f"{name}Logs", retention=logs.RetentionDays.ONE_MONTH, removal_policy=RemovalPolicy.DESTROY
        )
        role = iam.Role(self, f"{name}Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log_group.grant_write(role)
        function = lambda_.Function(
            self,
            name,
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64
            if self._config.architecture == "arm64"
            else lambda_.Architecture.X86_64,
            code=lambda_.Code.from_asset(str(bundle(self._config.architecture, cryptography=cryptography))),
            handler=f"resolvers.{handler}.handler",
            role=role,
            log_group=log_group,
            memory_size=512,
            timeout=timeout or Duration.seconds(29),
            environment=to_environment(settings)
            | {
                "POWERTOOLS_SERVICE_NAME": handler,
                "POWERTOOLS_METRICS_NAMESPACE": self._config.stack_name,
                "POWERTOOLS_LOG_LEVEL": self._config.log_level,
            },
        )
        Validations.of(function).acknowledge(
            Acknowledgment(
                id="AwsSolutions-L1",
                reason="Python 3.13 is what the bundle's wheels are pinned for; a newer runtime comes with new wheels.",
            )
        )
        return function

    def live(self, function: lambda_.Function) -> lambda_.IFunction:
        """What is asked in place of the function: itself or, with the setting `snap_start`, an alias of a version that
        starts from a snapshot of its initialised process.

        The snapshot is safe to start from many times. It holds no key, because nothing is asked of SSM before the first
        question; and the ECDSA nonces come from key and message (RFC 6979), so no two processes can repeat one.
        """
        if not self._config.snap_start:
            return function
        cfn = function.node.default_child
        assert isinstance(cfn, lambda_.CfnFunction)  # noqa: S101 - that is what a Function makes
        cfn.snap_start = lambda_.CfnFunction.SnapStartProperty(apply_on="PublishedVersions")
        return lambda_.Alias(function, "Live", alias_name="live", version=function.current_version)
