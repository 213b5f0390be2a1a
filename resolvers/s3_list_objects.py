"""ListObjectsV2 without botocore, as boto3's client has it: the same parameters, the same response.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote, unquote_plus, urlencode
from xml.etree import ElementTree

from resolvers import aws_endpoints
from resolvers.aws_http import AwsService, RequestFailed, Response

if TYPE_CHECKING:
    from types_boto3_s3.type_defs import ListObjectsV2OutputTypeDef

# The function may run for 29 s; the waits between three attempts take at most 0.6 s.
ATTEMPTS, ATTEMPT_SECONDS = 3, 8

_NAMESPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"
_PARAMETERS = {
    "ContinuationToken": "continuation-token", "Delimiter": "delimiter", "MaxKeys": "max-keys", "Prefix": "prefix",
    "StartAfter": "start-after",
}  # fmt: skip


class S3Bucket:
    """One bucket, with the only operation that the function may call."""

    def __init__(self, environment: Mapping[str, str], bucket: str) -> None:
        self._s3 = AwsService(environment, "s3", aws_endpoints.s3(environment, bucket), ATTEMPT_SECONDS)

    def list_objects_v2(self, **parameters: Any) -> ListObjectsV2OutputTypeDef:
        """Return the response to ListObjectsV2 with these parameters: what the lister needs, as boto3 returns it.

        Raises RequestFailed, also if the response is damaged or not from S3.
        """
        named = {_PARAMETERS[name]: value for name, value in parameters.items()}
        # Encoded, because XML cannot contain every character of a key.
        query = {**named, "encoding-type": "url", "list-type": 2}
        encoded = urlencode(sorted(query.items()), quote_via=quote)
        return self._s3.get(encoded, self._read, ATTEMPTS * ATTEMPT_SECONDS, ATTEMPTS)

    def _read(self, response: Response) -> ListObjectsV2OutputTypeDef:
        try:
            root = ElementTree.fromstring(response.content)  # noqa: S314 - from S3, and expat limits how much entities grow
        except ElementTree.ParseError:
            root = ElementTree.Element("")
        if response.status != 200 or root.tag == "Error":  # S3 can send an error with the status 200
            raise self._s3.refusal(response, root.findtext("Code") or "")
        try:
            return _listed(root)
        except (ValueError, KeyError):
            raise RequestFailed("Damaged", "the response is not from S3, or damaged", transient=True) from None


def _listed(root: ElementTree.Element) -> ListObjectsV2OutputTypeDef:
    encoded = root.findtext(f"{_NAMESPACE}EncodingType") == "url"

    def key(element: ElementTree.Element, name: str) -> str:
        text = _text(element, name)
        return unquote_plus(text, errors="strict") if encoded else text

    listed: dict[str, Any] = {
        "IsTruncated": {"true": True, "false": False}[_text(root, "IsTruncated")],
        "Contents": [
            {
                "Key": key(each, "Key"),
                "LastModified": datetime.fromisoformat(_text(each, "LastModified")),
                "ETag": _text(each, "ETag"),
                "Size": int(_text(each, "Size")),
            }
            for each in root.iterfind(f"{_NAMESPACE}Contents")
        ],
        "CommonPrefixes": [{"Prefix": key(each, "Prefix")} for each in root.iterfind(f"{_NAMESPACE}CommonPrefixes")],
    }
    if listed["IsTruncated"]:
        listed["NextContinuationToken"] = _text(root, "NextContinuationToken")
    return cast("ListObjectsV2OutputTypeDef", listed)


def _text(element: ElementTree.Element, name: str) -> str:
    text = element.findtext(f"{_NAMESPACE}{name}")
    if text is None:
        raise ValueError(f"{element.tag} has no {name}")
    return text
