"""Buckets that are emptied with the stack, and files that are saved under another name."""

from typing import Any
from urllib.parse import parse_qs

import boto3
from ministack.services import cloudfront, s3
from ministack.services.cloudformation import provisioners


def teach() -> None:
    provisioners._RESOURCE_HANDLERS["Custom::S3AutoDeleteObjects"] = {
        "create": lambda _logical_id, props, _stack: (props["BucketName"], {}),
        "update": lambda _physical_id, _old, new, _stack: (new["BucketName"], {}),
        "delete": lambda _physical_id, props: _empty_bucket(props["BucketName"]),
    }
    _pass_the_query_to_s3()


def _empty_bucket(name: str) -> None:
    # As CDK's own function does, which needs an SDK for Node that is not here.
    boto3.resource("s3").Bucket(name).object_versions.delete()


def _pass_the_query_to_s3() -> None:
    fetch = cloudfront._fetch_from_origin

    async def fetch_with_query(
        origin: dict[str, Any], method: str, uri: str, query: str, *rest: Any
    ) -> tuple[int, str, dict[str, Any], bytes]:
        status, reason, headers, body = await fetch(origin, method, uri, query, *rest)
        # `query` is what the cache policy lets through. S3 takes these parameters of signed requests only, and origin
        # access control signs: https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
        if origin.get("s3_bucket") and origin.get("oac_id") and status in (200, 206):
            s3._apply_response_overrides(headers, parse_qs(query))
        return status, reason, headers, body

    cloudfront._fetch_from_origin = fetch_with_query
