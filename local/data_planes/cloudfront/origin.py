"""Requests to the origin of the distribution (S3), which the emulator serves under the distribution's domain name."""

import re
from collections.abc import Mapping
from urllib.parse import quote_from_bytes

import aiohttp
from starlette.datastructures import Headers
from yarl import URL

from local.data_planes.cloudfront.distribution import Distribution

# An allow list. Cookies and Authorization are not passed on: only origin access control authenticates to the bucket.
REQUEST_HEADERS = {
    "accept", "accept-encoding", "if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since",
    "range",
}  # fmt: skip
AUTOMATIC_HEADERS = ("Accept", "Accept-Encoding", "User-Agent")

# Only bytes outside ASCII are encoded: S3 gets everything else as the viewer sent it.
_ASCII = bytes(range(0x80))
_PRINTABLE = re.compile(r"[ -~]*")


class Origin:
    """Sends requests to the emulator, each with `custom_headers`. `scheme` is the protocol of the viewers.

    Callers close the responses.
    """

    session: aiohttp.ClientSession

    def __init__(self, aws_endpoint_url: str, scheme: str, custom_headers: Mapping[str, str]) -> None:
        self._aws_endpoint_url = aws_endpoint_url
        self._scheme = scheme
        self._custom_headers = custom_headers

    async def preflight(self, distribution: Distribution, target: bytes, viewer: Headers) -> aiohttp.ClientResponse:
        """Return the response of the bucket's CORS configuration, which S3 reads from these headers only."""
        # The emulator has no preflight for distributions, so it is sent to the bucket.
        path = distribution.bucket_path + target.partition(b"?")[0].decode("latin-1")
        headers = {name: value for name, value in viewer.items() if name in distribution.origin_request_headers}
        return await self._send("OPTIONS", path, headers)

    async def fetch(
        self, distribution: Distribution, target: bytes, viewer: Headers, method: str
    ) -> aiohttp.ClientResponse:
        headers = {name: value for name, value in viewer.items() if name in REQUEST_HEADERS}
        # The origin applies the viewer protocol policy, so it must know the viewer's protocol.
        headers |= {"Host": distribution.domain_name, "X-Forwarded-Proto": self._scheme}
        origin = await self._send(method, quote_from_bytes(target, safe=_ASCII), headers)
        if origin.status in (206, 416) and not _if_range_holds(viewer, origin):
            # S3 then sends the whole file (RFC 9110, 13.1.5); the emulator ignores the condition.
            origin.close()
            whole = {name: value for name, value in viewer.items() if name not in ("range", "if-range")}
            return await self.fetch(distribution, target, Headers(whole), method)
        return origin

    async def _send(self, method: str, target: str, headers: dict[str, str]) -> aiohttp.ClientResponse:
        return await self.session.request(
            method,
            URL(self._aws_endpoint_url + target, encoded=True),
            headers={name: value for name, value in headers.items() if _PRINTABLE.fullmatch(value)}
            | dict(self._custom_headers),
            skip_auto_headers=AUTOMATIC_HEADERS,
            allow_redirects=False,
        )


def _if_range_holds(viewer: Headers, origin: aiohttp.ClientResponse) -> bool:
    condition = viewer.get("if-range")
    if condition is None:
        return True
    validator = "ETag" if condition.endswith('"') else "Last-Modified"
    return condition == origin.headers.get(validator) and not condition.startswith("W/")
