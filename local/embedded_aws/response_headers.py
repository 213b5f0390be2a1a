"""CloudFront patch: response headers policies, which the local edge applies after its cache.

ministack applies them to what the origin returns, where a `Cache-Control` of the policy cannot be told from that of the
file, which says how long the edge keeps it.
"""

from typing import Any

from ministack.services import cloudfront

from local.embedded_aws import upstream


def apply() -> None:
    upstream.original(cloudfront, "_apply_response_headers_policy", "f287247ff41a")
    cloudfront._apply_response_headers_policy = _unchanged


def _unchanged(headers: dict[str, Any], *_: object) -> dict[str, Any]:
    return headers
