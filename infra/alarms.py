"""The alarms of one Region, and the SNS topic that they notify."""

from __future__ import annotations

from aws_cdk import ArnFormat, Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.config import Config

PERIOD = Duration.minutes(5)


class Alarms(Construct):
    """Alarms that notify one topic when they start and when they end; `alarm_email` is subscribed to it.

    An alarm can notify only a topic of its own Region.
    """

    def __init__(self, scope: Construct, construct_id: str, *, config: Config) -> None:
        super().__init__(scope, construct_id)
        # Not encrypted with a KMS key. CloudWatch cannot use the AWS managed key, a key of our own would cost $1 a
        # month, and the messages contain names and figures of alarms, which go on as plain e-mails.
        # https://repost.aws/knowledge-center/cloudwatch-configure-alarm-sns
        self._topic = sns.Topic(self, "Topic", topic_name=f"{Stack.of(self).stack_name}-alarms", enforce_ssl=True)
        self._allow_alarms()
        if config.alarm_email:
            self._topic.add_subscription(subscriptions.EmailSubscription(config.alarm_email))
        self.all: list[cloudwatch.IAlarm] = []

    def add(
        self,
        name: str,
        *,
        section: str,
        meaning: str,
        metric: cloudwatch.IMetric,
        threshold: float = 1,
        comparison: cloudwatch.ComparisonOperator = cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        periods: int = 1,
        breaching_periods: int | None = None,
        missing: cloudwatch.TreatMissingData = cloudwatch.TreatMissingData.NOT_BREACHING,
    ) -> cloudwatch.Alarm:
        """Add an alarm, which is described by what it means and by its section of the runbook.

        By default, a period without data is a good one: no request came, so none failed.
        """
        alarm = cloudwatch.Alarm(
            self,
            name,
            alarm_name=f"{Stack.of(self).stack_name}-{name}",
            alarm_description=f"{meaning} What to do: docs/runbook.md#{section}",
            metric=metric,
            threshold=threshold,
            comparison_operator=comparison,
            evaluation_periods=periods,
            datapoints_to_alarm=breaching_periods or periods,
            treat_missing_data=missing,
        )
        notify = actions.SnsAction(self._topic)
        alarm.add_alarm_action(notify)
        alarm.add_ok_action(notify)
        self.all.append(alarm)
        return alarm

    def _allow_alarms(self) -> None:
        # `enforce_ssl` gives the topic a policy, which replaces the default one that lets the account publish.
        # https://repost.aws/knowledge-center/cloudwatch-receive-sns-for-alarm-trigger
        stack = Stack.of(self)
        alarms = stack.format_arn(
            service="cloudwatch", resource="alarm", resource_name="*", arn_format=ArnFormat.COLON_RESOURCE_NAME
        )
        self._topic.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[self._topic.topic_arn],
                conditions={
                    "ArnLike": {"aws:SourceArn": alarms},
                    "StringEquals": {"aws:SourceAccount": stack.account},
                },
            )
        )
