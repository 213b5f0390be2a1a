"""Verifies the Signature Version 4 of a request by signing the same bytes again."""

import datetime
import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials
from starlette.requests import Request

from local.data_planes.appsync.errors import RequestError

ALLOWED_SKEW = datetime.timedelta(minutes=5)
INVALID_TOKEN = "The security token included in the request is invalid."  # noqa: S105 - a message
MOST_NAMES = 100  # botocore takes seconds for thousands
AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256\s+Credential=(?P<key>[^/,\s]+)/(?P<date>\d{8})/(?P<region>[^/,]+)/(?P<service>[^/,]+)/aws4_request"
    r"\s*,\s*SignedHeaders=(?P<headers>[^,\s]+)\s*,\s*Signature=(?P<signature>[0-9a-f]{64})\s*"
)


@dataclass(frozen=True, kw_only=True)
class Credential:
    """The secret of an access key, the ARN of its user or session, and its session token if it has one.

    `denied` are the top-level fields, as type and name, that its policies do not allow.
    """

    secret_access_key: str
    user_arn: str
    session_token: str | None = None
    denied: frozenset[tuple[str, str]] = frozenset()


class _SignedHeadersOnly(SigV4Auth):
    """botocore's signer, for exactly the headers that the request lists as signed."""

    def headers_to_sign(self, request: AWSRequest) -> HTTPHeaders:
        headers = HTTPHeaders()
        for name, value in request.headers.items():
            headers[name] = value
        return headers


def access_key_id(request: Request) -> str:
    """Return the access key id that the request names. Raises RequestError (403)."""
    return _parts(request)["key"]


def verify(
    request: Request, body: bytes, *, credentials: Mapping[str, Credential], region: str, now: datetime.datetime
) -> Credential:
    """Return the credential that signed the request. Raises RequestError (403)."""
    parts = _parts(request)
    credential = credentials.get(parts["key"])
    token = request.headers.get("x-amz-security-token")
    if credential is None or not _same(token or "", credential.session_token or ""):
        raise RequestError(403, "UnrecognizedClientException", INVALID_TOKEN)
    if (parts["region"], parts["service"]) != (region, "appsync"):
        raise _invalid(f"Credential should be scoped to {region}/appsync.")
    signed_at = _signed_at(request)
    if abs(now - signed_at) > ALLOWED_SKEW:
        raise _invalid(
            f"Signature expired: {signed_at:%Y%m%dT%H%M%SZ} is not within 5 minutes of {now:%Y%m%dT%H%M%SZ}."
        )
    names = parts["headers"].split(";")
    if len(names) > MOST_NAMES:
        raise _invalid(f"The signature covers more than {MOST_NAMES} headers.")
    if "host" not in names or f"{signed_at:%Y%m%d}" != parts["date"]:
        raise _invalid("The signature must cover the host and the date of its own scope.")
    # The hash is what is signed: it must be the hash of this body.
    claimed = request.headers.get("x-amz-content-sha256")
    if claimed is not None and claimed != hashlib.sha256(body).hexdigest():
        raise _invalid("The provided x-amz-content-sha256 header does not match what was computed.")
    signer = _SignedHeadersOnly(Credentials(parts["key"], credential.secret_access_key), "appsync", region)
    for host in _hosts(request):
        signed = AWSRequest(
            method=request.method,
            url=f"http://{host}/graphql?{request.scope['query_string'].decode('latin-1')}",
            data=body,
            headers={name: host if name == "host" else request.headers.get(name, "") for name in names},
        )
        signed.context["timestamp"] = f"{signed_at:%Y%m%dT%H%M%SZ}"
        expected = signer.signature(signer.string_to_sign(signed, signer.canonical_request(signed)), signed)
        if _same(expected, parts["signature"]):
            return credential
    raise _invalid(
        "The request signature we calculated does not match the signature you provided. "
        "Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
    )


def _parts(request: Request) -> re.Match[str]:
    if (parts := AUTHORIZATION.fullmatch(request.headers["authorization"])) is None:
        raise RequestError(403, "IncompleteSignatureException", "Authorization header is not a complete signature.")
    return parts


def _hosts(request: Request) -> Iterator[str]:
    """Return the values of `Host` that a client may have signed: gql signs it without the port, browsers with it."""
    sent = request.headers.get("host", "")
    name = re.sub(r":\d+$", "", sent)
    server = request.scope.get("server") or ("", None)
    yield from dict.fromkeys((sent, name, f"{name}:{server[1]}"))


def _signed_at(request: Request) -> datetime.datetime:
    try:
        return datetime.datetime.strptime(request.headers.get("x-amz-date", ""), "%Y%m%dT%H%M%SZ").replace(
            tzinfo=datetime.UTC
        )
    except ValueError:
        raise RequestError(
            403, "IncompleteSignatureException", "Authorization header requires existence of 'X-Amz-Date' header."
        ) from None


def _invalid(message: str) -> RequestError:
    return RequestError(403, "InvalidSignatureException", message)


def _same(left: str, right: str) -> bool:
    return hmac.compare_digest(left.encode(), right.encode())
