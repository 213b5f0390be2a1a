"""The CloudFormation types for deliveries of logs, which the emulator gets from us: they refuse what AWS refuses."""

from collections.abc import Iterator
from typing import Any

import pytest
from ministack.services import cloudwatch_logs
from ministack.services.cloudformation import provisioners

from infra.access_logs import CLOUDFRONT_FIELDS, S3_FIELDS
from local.embedded_aws import log_deliveries, web_acls

GROUP = "arn:aws:logs:us-east-1:000000000000:log-group:access"
BUCKET = "arn:aws:s3:::files"
DISTRIBUTION = "arn:aws:cloudfront::000000000000:distribution/E1"


@pytest.fixture(autouse=True)
def handlers(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    found: dict[str, Any] = {}
    monkeypatch.setattr(provisioners, "_RESOURCE_HANDLERS", found)
    monkeypatch.setattr(cloudwatch_logs, "_DELIVERY_SOURCE_NON_SOURCES", {"s3", "sqs"})
    log_deliveries.apply()
    yield found
    for store in ("_deliveries", "_delivery_sources", "_delivery_destinations"):
        getattr(cloudwatch_logs, store).clear()


def create(handlers: dict[str, Any], kind: str, **properties: object) -> tuple[str, dict[str, str]]:
    created: tuple[str, dict[str, str]] = handlers[f"AWS::Logs::{kind}"]["create"]("Id", properties, "Stack")
    return created


def deliver(handlers: dict[str, Any], arn: str, log_type: str, fields: tuple[str, ...]) -> str:
    source, _ = create(handlers, "DeliverySource", Name="s", ResourceArn=arn, LogType=log_type)
    _, destination = create(handlers, "DeliveryDestination", Name="d", DestinationResourceArn=GROUP)
    delivery, _ = create(
        handlers,
        "Delivery",
        DeliverySourceName=source,
        DeliveryDestinationArn=destination["Arn"],
        RecordFields=list(fields),
    )
    return delivery


@pytest.mark.parametrize(
    ("arn", "log_type", "fields"),
    [(BUCKET, "S3_SERVER_ACCESS_LOGS", S3_FIELDS), (DISTRIBUTION, "ACCESS_LOGS", CLOUDFRONT_FIELDS)],
)
def test_deployed_fields_are_fields_of_the_service(
    handlers: dict[str, Any], arn: str, log_type: str, fields: tuple[str, ...]
) -> None:
    delivery = deliver(handlers, arn, log_type, fields)
    assert cloudwatch_logs._deliveries[delivery]["recordFields"] == list(fields)


def test_field_that_the_service_does_not_have_is_refused(handlers: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="RecordFields not supported: key_name"):
        deliver(handlers, DISTRIBUTION, "ACCESS_LOGS", ("c-ip", "key_name"))


def test_log_type_that_the_service_does_not_have_is_refused(handlers: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="LogType ACCESS_LOGS is not valid for s3"):
        create(handlers, "DeliverySource", Name="s", ResourceArn=BUCKET, LogType="ACCESS_LOGS")


def test_resource_has_one_source(handlers: dict[str, Any]) -> None:
    source = {"ResourceArn": DISTRIBUTION, "LogType": "ACCESS_LOGS"}
    create(handlers, "DeliverySource", Name="s", **source)
    with pytest.raises(ValueError, match="already been used in another Delivery Source"):
        create(handlers, "DeliverySource", Name="t", **source)


def test_update_replaces_the_fields_and_delete_leaves_nothing(handlers: dict[str, Any]) -> None:
    delivery = deliver(handlers, BUCKET, "S3_SERVER_ACCESS_LOGS", ("key_name",))
    kept = cloudwatch_logs._deliveries[delivery]
    properties = {
        "DeliverySourceName": "s",
        "DeliveryDestinationArn": kept["deliveryDestinationArn"],
        "RecordFields": ["operation"],
    }
    updated, _ = handlers["AWS::Logs::Delivery"]["update"](delivery, {}, properties, "Stack")
    assert [each["recordFields"] for each in cloudwatch_logs._deliveries.values()] == [["operation"]]
    for kind, physical_id in (("Delivery", updated), ("DeliveryDestination", "d"), ("DeliverySource", "s")):
        for _ in range(2):  # deleting what is gone succeeds
            handlers[f"AWS::Logs::{kind}"]["delete"](physical_id, {})
    assert not cloudwatch_logs._deliveries
    assert not cloudwatch_logs._delivery_sources
    assert not cloudwatch_logs._delivery_destinations


def test_association_with_an_unknown_web_acl_is_refused(handlers: dict[str, Any]) -> None:
    web_acls.apply()
    api = "arn:aws:appsync:us-east-1:000000000000:apis/a"
    acl = "arn:aws:wafv2:us-east-1:000000000000:regional/webacl/None/0f4c1d2e-0000-4000-8000-000000000000"
    with pytest.raises(ValueError, match="WAFNonexistentItemException"):
        handlers["AWS::WAFv2::WebACLAssociation"]["create"]("Id", {"WebACLArn": acl, "ResourceArn": api}, "Stack")
