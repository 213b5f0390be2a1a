"""The access logs of S3 and CloudFront, delivered to CloudWatch Logs: who opened, wrote or deleted which file.

Only chosen fields are delivered. None contains a query string, which is the signature of a signed URL, nor a header in
which a browser repeats a URL.
"""

from collections.abc import Sequence

from aws_cdk import Names, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.log_groups import LogGroups

# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logs-reference.html
# Not cs-uri-query, cs(Referer) and cs(Cookie).
CLOUDFRONT_FIELDS = (
    *("date", "time", "x-edge-location", "sc-bytes", "c-ip", "cs-method", "cs(Host)", "cs-uri-stem", "sc-status"),
    *("cs(User-Agent)", "x-edge-result-type", "x-edge-request-id", "time-taken", "ssl-protocol"),
    *("x-edge-detailed-result-type", "sc-content-type", "sc-content-len", "sc-range-start", "sc-range-end"),
)
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/sal-cw-log-format.html
# Not request_uri and referer.
S3_FIELDS = (
    *("schema_version_id", "bucket_arn", "bucket_name", "request_time", "remote_ip", "requester", "request_id"),
    *("operation", "key_name", "http_status", "error_code", "bytes_sent_size", "object_size", "total_duration"),
    *("user_agent", "version_id", "authentication_type", "tls_version"),
)


class AccessLogs(Construct):
    """Delivers the access log of one resource to `group`, without what could open a file.

    A resource has one delivery source at most. Those of CloudFront exist only in us-east-1.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        log_groups: LogGroups,
        resource_arn: str,
        log_type: str,
        fields: Sequence[str],
    ) -> None:
        super().__init__(scope, construct_id)
        name = Names.unique_resource_name(self, max_length=60, separator="-")
        # Without a name of its own: one that outlives the stack must not be in the way of the next stack.
        self.group = log_groups.add(self, "Logs")
        permission = self._permit_delivery(name)
        source = logs.CfnDeliverySource(self, "Source", name=name, resource_arn=resource_arn, log_type=log_type)
        destination = logs.CfnDeliveryDestination(
            self, "Destination", name=name, destination_resource_arn=self.group.log_group_arn, output_format="json"
        )
        delivery = logs.CfnDelivery(
            self,
            "Delivery",
            delivery_source_name=source.ref,
            delivery_destination_arn=destination.attr_arn,
            record_fields=list(fields),
        )
        delivery.node.add_dependency(permission)

    def _permit_delivery(self, name: str) -> logs.CfnResourcePolicy:
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-infrastructure-V2-CloudWatchLogs.html
        stack = Stack.of(self)
        statement = iam.PolicyStatement(
            principals=[iam.ServicePrincipal("delivery.logs.amazonaws.com")],
            actions=["logs:CreateLogStream", "logs:PutLogEvents"],
            resources=[f"{self.group.log_group_arn.removesuffix(':*')}:log-stream:*"],
            conditions={
                "StringEquals": {"aws:SourceAccount": stack.account},
                "ArnLike": {"aws:SourceArn": stack.format_arn(service="logs", resource="*")},
            },
        )
        document = iam.PolicyDocument(statements=[statement])
        return logs.CfnResourcePolicy(
            self, "Permission", policy_name=name, policy_document=stack.to_json_string(document)
        )
