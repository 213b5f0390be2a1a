"""A distribution as the local edge reads it, for tests that need no CloudFront API."""

from typing import Any, cast

from local.data_planes.cloudfront.cache import CachePolicy
from local.data_planes.cloudfront.distribution import Distribution

NOW = 1_800_000_000.0
POLICY = CachePolicy(min_ttl=1, default_ttl=60, max_ttl=600, query_strings=frozenset({"saveAs"}), gzip=True)
DISTRIBUTION = Distribution(
    domain_name="d111111abcdef8.cloudfront.net",
    allowed_methods=frozenset({"GET", "HEAD", "OPTIONS"}),
    https_only=True,
    keys=None,
    bucket_path="/bucket/files",
    cache_policy=POLICY,
    compress=True,
    invalidations={},
    origin_request_headers=frozenset({"origin", "access-control-request-method", "access-control-request-headers"}),
    response_headers=cast(
        Any,
        {
            "CorsConfig": {
                "AccessControlAllowOrigins": {"Items": ["*"]},
                "AccessControlAllowHeaders": {"Items": ["*"]},
                "AccessControlAllowMethods": {"Items": ["GET", "HEAD"]},
                "AccessControlAllowCredentials": False,
                "AccessControlExposeHeaders": {"Items": ["Accept-Ranges", "ETag"]},
                "AccessControlMaxAgeSec": 3600,
                "OriginOverride": True,
            },
            "CustomHeadersConfig": {
                "Items": [
                    {"Header": "Vary", "Value": "Origin, Accept-Encoding", "Override": True},
                    {"Header": "Cache-Control", "Value": "private, max-age=60", "Override": False},
                ]
            },
            "RemoveHeadersConfig": {"Items": [{"Header": "x-amz-meta-secret"}]},
        },
    ),
)
