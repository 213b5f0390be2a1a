"""AWS Signature Version 4. Pure.

Of our own because botocore's costs a third of the time until the first signed URL; the tests compare it with botocore.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from urllib.parse import quote, urlsplit

_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True)
class Credentials:
    """An access key; a temporary one has a session token."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Signer:
    """Signs the requests to one service in one Region."""

    service: str
    region: str

    def headers(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        credentials: Credentials,
        now: float,
    ) -> dict[str, str]:
        """Return the headers to send with this request at `now` epoch seconds: those given and the signature's.

        The names in the URL's query are sorted, and all that is not unreserved in RFC 3986 is percent-encoded. A
        header's value has no line break.
        """
        address = urlsplit(url)
        at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
        default_port = {"https": ":443", "http": ":80"}[address.scheme]
        complete = {**headers, "Host": address.netloc.removesuffix(default_port), "X-Amz-Date": at}
        digest = sha256(body).hexdigest()
        if self.service == "s3":
            complete["X-Amz-Content-SHA256"] = digest
        if credentials.session_token:
            complete["X-Amz-Security-Token"] = credentials.session_token

        lines = {name.lower(): " ".join(value.split()) for name, value in complete.items()}
        names = ";".join(sorted(lines))
        canonical = [method, quote(address.path or "/", safe="/~"), address.query]
        canonical += [*(f"{name}:{lines[name]}" for name in sorted(lines)), "", names, digest]
        scope = f"{at[:8]}/{self.region}/{self.service}/aws4_request"
        to_sign = [_ALGORITHM, at, scope, sha256("\n".join(canonical).encode()).hexdigest()]

        key = f"AWS4{credentials.secret_access_key}".encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        signature = hmac.digest(key, "\n".join(to_sign).encode(), "sha256").hex()
        credential = f"Credential={credentials.access_key_id}/{scope}"
        complete["Authorization"] = f"{_ALGORITHM} {credential}, SignedHeaders={names}, Signature={signature}"
        return complete
