"""The access logs of S3 and CloudFront, delivered to CloudWatch Logs: who opened, wrote or deleted which file.

Only chosen fields are delivered. None contains a query string, which is the signature of a signed URL, nor a header in
which a browser repeats a URL.
"""

from collections.abc import Sequence

from aws_cdk import Names, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.cdn import Cdn
from infra.config import Config
from infra.file_store import FileStore
from infra.log_groups import LogGroups
from infra.us_east_1 import only_in_us_east_1

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


WHO_OPENED = """filter `cs-uri-stem` = "/hello.txt" and `sc-status` < 400
| fields @timestamp, `c-ip`, `sc-status`, `sc-bytes`, `x-edge-result-type`, `cs(User-Agent)`
| sort @timestamp desc
| limit 1000"""
WHO_ELSE = """filter requester not like "cloudfront" and operation like "OBJECT"
| fields @timestamp, requester, operation, key_name, http_status, remote_ip, user_agent
| sort @timestamp desc
| limit 1000"""


class AccessLogs(Construct):
    """The access logs of the bucket and, if the stack is in us-east-1, of the distribution."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        log_groups: LogGroups,
        files: FileStore,
        cdn: Cdn,
    ) -> None:
        super().__init__(scope, construct_id)
        FilesAccess(self, "FilesAccess", config=config, log_groups=log_groups, bucket=files.bucket)
        distribution_id = cdn.distribution.distribution_id
        only_in_us_east_1(
            CdnAccess(self, "CdnAccess", config=config, log_groups=log_groups, distribution_id=distribution_id)
        )


class FilesAccess(Construct):
    """The log of the requests to the bucket, and a saved query for those that do not come from CloudFront."""

    def __init__(
        self, scope: Construct, construct_id: str, *, config: Config, log_groups: LogGroups, bucket: s3.IBucket
    ) -> None:
        super().__init__(scope, construct_id)
        group = _deliver(self, log_groups, bucket.bucket_arn, "S3_SERVER_ACCESS_LOGS", S3_FIELDS)
        _save_query(self, f"{config.stack_name}/Who else used the bucket", WHO_ELSE, group)


class CdnAccess(Construct):
    """The log of the requests for files, and a saved query for those of one file. It can only be in us-east-1."""

    def __init__(
        self, scope: Construct, construct_id: str, *, config: Config, log_groups: LogGroups, distribution_id: str
    ) -> None:
        super().__init__(scope, construct_id)
        arn = Stack.of(self).format_arn(
            service="cloudfront", region="", resource="distribution", resource_name=distribution_id
        )
        group = _deliver(self, log_groups, arn, "ACCESS_LOGS", CLOUDFRONT_FIELDS)
        _save_query(self, f"{config.stack_name}/Who opened this file", WHO_OPENED, group)


def _save_query(scope: Construct, name: str, query: str, group: logs.ILogGroup) -> None:
    logs.CfnQueryDefinition(scope, "Query", name=name, query_string=query, log_group_names=[group.log_group_name])


def _deliver(
    scope: Construct, log_groups: LogGroups, resource_arn: str, log_type: str, fields: Sequence[str]
) -> logs.LogGroup:
    """Deliver the access log of a resource to a log group. A resource has one delivery source at most."""
    name = Names.unique_resource_name(scope, max_length=60, separator="-")
    # Without a name of its own: one that outlives the stack must not be in the way of the next stack.
    group = log_groups.add(scope, "Logs")
    permission = _permit_delivery(scope, name, group)
    source = logs.CfnDeliverySource(scope, "Source", name=name, resource_arn=resource_arn, log_type=log_type)
    destination = logs.CfnDeliveryDestination(
        scope, "Destination", name=name, destination_resource_arn=group.log_group_arn, output_format="json"
    )
    delivery = logs.CfnDelivery(
        scope,
        "Delivery",
        delivery_source_name=source.ref,
        delivery_destination_arn=destination.attr_arn,
        record_fields=list(fields),
    )
    delivery.node.add_dependency(permission)
    return group


def _permit_delivery(scope: Construct, name: str, group: logs.LogGroup) -> logs.CfnResourcePolicy:
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-infrastructure-V2-CloudWatchLogs.html
    stack = Stack.of(scope)
    statement = iam.PolicyStatement(
        principals=[iam.ServicePrincipal("delivery.logs.amazonaws.com")],
        actions=["logs:CreateLogStream", "logs:PutLogEvents"],
        resources=[f"{group.log_group_arn.removesuffix(':*')}:log-stream:*"],
        conditions={
            "StringEquals": {"aws:SourceAccount": stack.account},
            "ArnLike": {"aws:SourceArn": stack.format_arn(service="logs", resource="*")},
        },
    )
    document = iam.PolicyDocument(statements=[statement])
    return logs.CfnResourcePolicy(scope, "Permission", policy_name=name, policy_document=stack.to_json_string(document))
