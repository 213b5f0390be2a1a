"""What a response headers policy changes in a response, after the cache: no I/O.

Rules: CloudFront Developer Guide, "Understand response headers policies".
"""

import fnmatch
from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders

if TYPE_CHECKING:
    from types_boto3_cloudfront.type_defs import (
        ResponseHeadersPolicyConfigOutputTypeDef,
        ResponseHeadersPolicyCorsConfigOutputTypeDef,
        ResponseHeadersPolicySecurityHeadersConfigTypeDef,
    )


def apply(
    policy: "ResponseHeadersPolicyConfigOutputTypeDef", headers: MutableHeaders, *, method: str, origin: str | None
) -> None:
    """Change the headers of a response to a request with this method and `Origin`."""
    for item in policy.get("RemoveHeadersConfig", {}).get("Items", []):
        del headers[item["Header"]]
    if "CorsConfig" in policy and origin is not None:
        _apply_cors(policy["CorsConfig"], headers, method, origin)
    for name, (value, override) in _security_headers(policy.get("SecurityHeadersConfig", {})).items():
        _set(headers, name, value, override=override)
    for header in policy.get("CustomHeadersConfig", {}).get("Items", []):
        _set(headers, header["Header"], header["Value"], override=header["Override"])


def _apply_cors(
    cors: "ResponseHeadersPolicyCorsConfigOutputTypeDef", headers: MutableHeaders, method: str, origin: str
) -> None:
    allowed = cors["AccessControlAllowOrigins"]["Items"]
    if not any(fnmatch.fnmatchcase(origin, pattern) for pattern in allowed):
        return
    values = {"Access-Control-Allow-Origin": "*" if "*" in allowed else origin}
    if cors["AccessControlAllowCredentials"]:
        values["Access-Control-Allow-Credentials"] = "true"
    if exposed := cors.get("AccessControlExposeHeaders", {}).get("Items"):
        values["Access-Control-Expose-Headers"] = ", ".join(exposed)
    if method == "OPTIONS":
        values["Access-Control-Allow-Headers"] = ", ".join(cors["AccessControlAllowHeaders"]["Items"])
        values["Access-Control-Allow-Methods"] = ", ".join(cors["AccessControlAllowMethods"]["Items"])
        if "AccessControlMaxAgeSec" in cors:
            values["Access-Control-Max-Age"] = str(cors["AccessControlMaxAgeSec"])
    for name, value in values.items():
        _set(headers, name, value, override=cors["OriginOverride"])


def _security_headers(security: "ResponseHeadersPolicySecurityHeadersConfigTypeDef") -> dict[str, tuple[str, bool]]:
    found: dict[str, tuple[str, bool]] = {}
    if options := security.get("ContentTypeOptions"):
        found["X-Content-Type-Options"] = "nosniff", options["Override"]
    if frame := security.get("FrameOptions"):
        found["X-Frame-Options"] = frame["FrameOption"], frame["Override"]
    if referrer := security.get("ReferrerPolicy"):
        found["Referrer-Policy"] = referrer["ReferrerPolicy"], referrer["Override"]
    if content := security.get("ContentSecurityPolicy"):
        found["Content-Security-Policy"] = content["ContentSecurityPolicy"], content["Override"]
    if transport := security.get("StrictTransportSecurity"):
        directives = [f"max-age={transport['AccessControlMaxAgeSec']}"]
        directives += ["includeSubDomains"] if transport.get("IncludeSubdomains") else []
        directives += ["preload"] if transport.get("Preload") else []
        found["Strict-Transport-Security"] = "; ".join(directives), transport["Override"]
    return found


def _set(headers: MutableHeaders, name: str, value: str, *, override: bool) -> None:
    if override or name not in headers:
        headers[name] = value
