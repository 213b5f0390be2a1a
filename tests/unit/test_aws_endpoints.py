"""The endpoints of SSM and S3 are those that boto3's clients use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.awsrequest import AWSRequest
from botocore.endpoint_provider import EndpointProvider
from botocore.exceptions import BotoCoreError

from resolvers import aws_endpoints

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "a-secret"}
REGION = {"AWS_DEFAULT_REGION": "eu-west-1"}


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        ({}, "https://ssm.eu-west-1.amazonaws.com/"),
        ({"AWS_ENDPOINT_URL": "https://127.0.0.1:4566"}, "https://127.0.0.1:4566/"),
        ({"AWS_ENDPOINT_URL": "https://a", "AWS_ENDPOINT_URL_SSM": "https://b/"}, "https://b/"),
        (
            {"AWS_ENDPOINT_URL": "https://a", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
            "https://ssm.eu-west-1.amazonaws.com/",
        ),
        ({"AWS_DEFAULT_REGION": "cn-north-1"}, "https://ssm.cn-north-1.amazonaws.com.cn/"),
        ({"AWS_USE_DUALSTACK_ENDPOINT": "true"}, "https://ssm.eu-west-1.api.aws/"),
        ({"AWS_USE_FIPS_ENDPOINT": "true"}, "https://ssm-fips.eu-west-1.amazonaws.com/"),
    ],
    ids=["aws", "every-service", "ssm-alone", "ignored", "china", "dual-stack", "fips"],
)
def test_endpoint_of_ssm_is_the_one_that_a_client_uses(
    environment: dict[str, str], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_environment(environment, monkeypatch)
    assert aws_endpoints.ssm(REGION | environment) == url
    assert boto3.Session().client("ssm").meta.endpoint_url.rstrip("/") == url.rstrip("/")


@pytest.mark.parametrize("bucket", ["the-bucket", "the.bucket", "123"])
@pytest.mark.parametrize(
    ("environment", "url"),
    [
        ({}, "https://s3.eu-west-1.amazonaws.com"),
        ({"AWS_ENDPOINT_URL": "https://127.0.0.1:4566"}, "https://127.0.0.1:4566"),
        ({"AWS_ENDPOINT_URL": "https://127.0.0.1:1", "AWS_ENDPOINT_URL_S3": "http://[::1]:2/"}, "http://[::1]:2"),
        (
            {"AWS_DEFAULT_REGION": "us-east-1", "AWS_S3_US_EAST_1_REGIONAL_ENDPOINT": "regional"},
            "https://s3.us-east-1.amazonaws.com",
        ),
        ({"AWS_USE_DUALSTACK_ENDPOINT": "true"}, "https://s3.dualstack.eu-west-1.amazonaws.com"),
    ],
    ids=["aws", "every-service", "s3-alone", "us-east-1", "dual-stack"],
)
def test_url_of_a_bucket_is_the_one_that_a_client_uses(
    environment: dict[str, str], url: str, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_environment(environment, monkeypatch)
    sent: list[str] = []
    client: Any = boto3.Session().client("s3", region_name=(REGION | environment)["AWS_DEFAULT_REGION"])

    def stop(request: AWSRequest, **_: Any) -> None:
        sent.append(str(request.url).partition("?")[0])
        raise InterruptedError

    client.meta.events.register("before-send.s3.ListObjectsV2", stop)
    with pytest.raises(InterruptedError):
        client.list_objects_v2(Bucket=bucket)
    assert [aws_endpoints.s3(REGION | environment, bucket).rstrip("/")] == [each.rstrip("/") for each in sent]
    assert url.split("://")[1] in sent[0]


def set_environment(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SSM", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    for name, value in (CREDENTIALS | REGION | environment).items():
        monkeypatch.setenv(name, value)


def test_endpoints_are_those_of_botocore_in_every_region_of_every_partition() -> None:
    session = botocore.session.get_session()
    partitions = session.get_component("data_loader").load_data("partitions")
    regions = [region for partition in partitions["partitions"] for region in partition["regions"]]
    assert {"eu-west-1", "cn-north-1", "us-gov-west-1", "eusc-de-east-1"} <= {*regions}
    compared = 0
    for region in (region for region in regions if "global" not in region):
        for fips in (False, True):
            for dual_stack in (False, True):
                variables = {"AWS_USE_FIPS_ENDPOINT": str(fips), "AWS_USE_DUALSTACK_ENDPOINT": str(dual_stack)}
                for ours, theirs in of_both(session, variables | {"AWS_DEFAULT_REGION": region}):
                    assert ours.rstrip("/") == theirs
                    compared += 1
    assert compared > 400


def of_both(session: Any, environment: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield our endpoints and botocore's, for those that there are."""
    loader = session.get_component("data_loader")
    variant = {
        "Region": environment["AWS_DEFAULT_REGION"],
        "UseFIPS": environment["AWS_USE_FIPS_ENDPOINT"] == "True",
        "UseDualStack": environment["AWS_USE_DUALSTACK_ENDPOINT"] == "True",
    }
    of_buckets = [
        ("s3", aws_endpoints.s3(environment, name), {"Bucket": name}) for name in ("the-bucket", "the.bucket")
    ]
    requests: list[tuple[str, str, dict[str, str]]] = [("ssm", aws_endpoints.ssm(environment), {}), *of_buckets]
    for service, ours, more in requests:
        rules = _providers.setdefault(
            service,
            EndpointProvider(loader.load_service_model(service, "endpoint-rule-set-1"), loader.load_data("partitions")),
        )
        try:
            yield ours, rules.resolve_endpoint(**variant, **more).url
        except BotoCoreError as error:
            assert "does not support FIPS" in str(error)


_providers: dict[str, EndpointProvider] = {}
