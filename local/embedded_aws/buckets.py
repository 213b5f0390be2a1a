"""S3 patches: empty a bucket when its stack is deleted, and name downloads that come through CloudFront.

ministack lacks:
- what CDK's `auto_delete_objects` needs: the custom resource runs a function that imports the AWS SDK for JavaScript,
  which AWS's Node.js runtime includes and ministack's does not. The patch empties the bucket with boto3.
- response overrides such as `response-content-disposition` on requests from CloudFront to S3: ministack drops the
  query string of a request to an S3 origin.
"""

from typing import Any
from urllib.parse import parse_qs

import boto3
from ministack.services import cloudfront, s3

from local.embedded_aws import upstream


def apply() -> None:
    upstream.add_resource_type(
        "Custom::S3AutoDeleteObjects",
        create=lambda _logical_id, props, _stack: (props["BucketName"], {}),
        update=lambda _physical_id, _old, new, _stack: (new["BucketName"], {}),
        delete=lambda _physical_id, props: _empty_bucket(props["BucketName"]),
    )
    _apply_response_overrides()


def _empty_bucket(name: str) -> None:
    boto3.resource("s3").Bucket(name).object_versions.delete()


def _apply_response_overrides() -> None:
    fetch = upstream.original(cloudfront, "_fetch_from_origin", "11c0079215ff")
    override = upstream.original(s3, "_apply_response_overrides", "3f0fb7a6f8a6")

    async def fetch_with_query(
        origin: dict[str, Any], method: str, uri: str, query: str, *rest: Any
    ) -> tuple[int, str, dict[str, Any], bytes]:
        status, reason, headers, body = await fetch(origin, method, uri, query, *rest)
        # `query` is what the cache policy lets through. S3 takes these parameters of signed requests only, and origin
        # access control signs: https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
        if origin.get("s3_bucket") and origin.get("oac_id") and status in (200, 206):
            override(headers, parse_qs(query))
        return status, reason, headers, body

    cloudfront._fetch_from_origin = fetch_with_query
