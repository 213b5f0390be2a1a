"""CloudFormation patch: the types AWS::Logs::DeliverySource, AWS::Logs::DeliveryDestination and AWS::Logs::Delivery.

ministack implements the API of CloudWatch Logs for deliveries, but not these three CloudFormation types. The patch adds
handlers that call that API, and that refuse a field which the service does not have.
"""

import json
from collections.abc import Callable
from typing import Any

from ministack.services import cloudwatch_logs

from local.embedded_aws import upstream

Response = tuple[int, dict[str, str], bytes]
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logs-reference.html
_CLOUDFRONT = {
    "date", "time", "x-edge-location", "sc-bytes", "c-ip", "cs-method", "cs(Host)", "cs-uri-stem", "sc-status",
    "cs(Referer)", "cs(User-Agent)", "cs-uri-query", "cs(Cookie)", "x-edge-result-type", "x-edge-request-id",
    "x-host-header", "cs-protocol", "cs-bytes", "time-taken", "x-forwarded-for", "ssl-protocol", "ssl-cipher",
    "x-edge-response-result-type", "cs-protocol-version", "fle-status", "fle-encrypted-fields", "c-port",
    "time-to-first-byte", "x-edge-detailed-result-type", "sc-content-type", "sc-content-len", "sc-range-start",
    "sc-range-end", "timestamp(ms)", "DistributionId",
}  # fmt: skip
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/sal-cw-log-format.html
_S3 = {
    "schema_version_id", "bucket_arn", "bucket_name", "request_time", "bucket_owner_id", "remote_ip", "requester",
    "request_id", "operation", "key_name", "request_uri", "http_status", "error_code", "bytes_sent_size",
    "object_size", "total_duration", "turn_around_duration", "referer", "user_agent", "version_id", "host_id",
    "signature_version", "cipher_suite", "authentication_type", "host_header", "tls_version", "access_point_arn",
    "acl_required", "source_region",
}  # fmt: skip
_LOGS = {("cloudfront", "ACCESS_LOGS"): _CLOUDFRONT, ("s3", "S3_SERVER_ACCESS_LOGS"): _S3}

_CALLED = {
    "_delivery_source_spec": "20e40c83127d",
    "_put_delivery_source": "d6f907e3928d",
    "_delete_delivery_source": "9613caed545d",
    "_put_delivery_destination": "f0d39d29ef78",
    "_delete_delivery_destination": "bd94b2f9147c",
    "_create_delivery": "dce31a55aa3b",
    "_delete_delivery": "8aa2f982699c",
}


def apply() -> None:
    for name, digest in _CALLED.items():
        upstream.original(cloudwatch_logs, name, digest)
    # S3 became a source in 2026:
    # https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutDeliverySource.html
    cloudwatch_logs._DELIVERY_SOURCE_NON_SOURCES.discard("s3")
    upstream.add_resource_type(
        "AWS::Logs::DeliverySource", create=_put_source, update=_update(_put_source), delete=_delete_source
    )
    upstream.add_resource_type(
        "AWS::Logs::DeliveryDestination",
        create=_put_destination,
        update=_update(_put_destination),
        delete=_delete_destination,
    )
    upstream.add_resource_type(
        "AWS::Logs::Delivery", create=_create_delivery, update=_update_delivery, delete=_delete_delivery
    )


def _put_source(_logical_id: str, props: dict[str, Any], _stack: str) -> tuple[str, dict[str, str]]:
    name, arn, log_type = props["Name"], props["ResourceArn"], props["LogType"]
    service = arn.split(":")[2]
    if (service, log_type) not in _LOGS:
        raise ValueError(f"LogType {log_type} is not valid for {service}")
    for other in cloudwatch_logs._delivery_sources.values():
        if arn in other["resourceArns"] and other["name"] != name:
            raise ValueError("This ResourceId has already been used in another Delivery Source in this account")
    request = {"name": name, "resourceArn": arn, "logType": log_type}
    source = _body(cloudwatch_logs._put_delivery_source(request))["deliverySource"]
    return name, {"Arn": source["arn"], "Service": source["service"]}


def _put_destination(_logical_id: str, props: dict[str, Any], _stack: str) -> tuple[str, dict[str, str]]:
    request = {
        "name": props["Name"],
        "outputFormat": props.get("OutputFormat", "json"),
        "deliveryDestinationConfiguration": {"destinationResourceArn": props["DestinationResourceArn"]},
    }
    destination = _body(cloudwatch_logs._put_delivery_destination(request))["deliveryDestination"]
    return props["Name"], {"Arn": destination["arn"]}


def _create_delivery(_logical_id: str, props: dict[str, Any], _stack: str) -> tuple[str, dict[str, str]]:
    source = cloudwatch_logs._delivery_sources.get(props["DeliverySourceName"])
    known = _LOGS[source["service"], source["logType"]] if source else set()
    if unknown := [field for field in props.get("RecordFields", []) if field not in known]:
        raise ValueError(f"RecordFields not supported: {', '.join(unknown)}")
    request = {
        "deliverySourceName": props["DeliverySourceName"],
        "deliveryDestinationArn": props["DeliveryDestinationArn"],
        "recordFields": props.get("RecordFields", []),
    }
    delivery = _body(cloudwatch_logs._create_delivery(request))["delivery"]
    return delivery["id"], {"DeliveryId": delivery["id"], "Arn": delivery["arn"]}


def _update(put: Callable[[str, dict[str, Any], str], tuple[str, dict[str, str]]]) -> Callable[..., Any]:
    return lambda _physical_id, _old, new, stack: put("", new, stack)


def _update_delivery(physical_id: str, _old: object, new: dict[str, Any], stack: str) -> tuple[str, dict[str, str]]:
    _delete_delivery(physical_id, {})
    return _create_delivery("", new, stack)


def _delete_source(physical_id: str, _props: dict[str, Any]) -> None:
    if physical_id in cloudwatch_logs._delivery_sources:  # deleting what is already gone succeeds
        _body(cloudwatch_logs._delete_delivery_source({"name": physical_id}))


def _delete_destination(physical_id: str, _props: dict[str, Any]) -> None:
    if physical_id in cloudwatch_logs._delivery_destinations:
        _body(cloudwatch_logs._delete_delivery_destination({"name": physical_id}))


def _delete_delivery(physical_id: str, _props: dict[str, Any]) -> None:
    if physical_id in cloudwatch_logs._deliveries:
        _body(cloudwatch_logs._delete_delivery({"id": physical_id}))


def _body(response: Response) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(upstream.body(response))
    return result
