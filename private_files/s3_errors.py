"""What the error codes of S3 mean for somebody who opens a file: one table for `get`, `put` and `explain`. Pure.

https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

from __future__ import annotations

import re

NO_SUCH_FILE = ("AccessDenied", "NoSuchKey")
_MEANINGS = {
    "AccessDenied": "there is no such file, or the distribution is not allowed to read it",
    "NoSuchKey": "there is no such file",
    "NoSuchVersion": "there is no such version of the file",
    "NoSuchBucket": "the bucket of the distribution does not exist",
    "MethodNotAllowed": "the newest version of the file is a delete marker",
    "InvalidObjectState": "the file is archived: restore it in S3 before it can be read",
    "AllAccessDisabled": "AWS has disabled the bucket",
    "AccountProblem": "there is a problem with the AWS account",
    "SignatureDoesNotMatch": "CloudFront's signature of the request to S3 is wrong: check the origin access control",
    "RequestTimeTooSkewed": "a clock is wrong",
    "PermanentRedirect": "the distribution requests the bucket in another Region than it is in",
    "KMS.DisabledException": "the KMS key of the file is disabled: enable it to make the file readable again",
    "KMS.NotFoundException": "the KMS key of the file no longer exists",
    "KMS.KMSInvalidStateException": "the KMS key of the file cannot be used: it may be scheduled for deletion",
    "KMS.InvalidStateException": "the KMS key of the file cannot be used: it may be scheduled for deletion",
    "KMS.AccessDeniedException": "the policy of the KMS key does not allow the distribution to decrypt the file",
    "KMS.KeyUnavailableException": "the KMS key of the file is not available at the moment: try again later",
    "KMS.ThrottlingException": "KMS has too many requests at the moment: try again later",
}
_CODE = re.compile(rb"<Code>\s*([A-Za-z0-9._-]{1,80})\s*</Code>")


def code(body: bytes) -> str:
    """Return the error code in an XML error of S3 or CloudFront, or the empty string."""
    found = _CODE.search(body)
    return found[1].decode() if found else ""


def meaning(error_code: str) -> str:
    """Return what the code means, as a clause with the code in brackets."""
    if error_code in _MEANINGS:
        return f"{_MEANINGS[error_code]} ({error_code})"
    if error_code.startswith("KMS."):
        return f"the KMS key of the file cannot be used ({error_code})"
    return f"S3 refuses it ({error_code})" if error_code else _MEANINGS["AccessDenied"]


def table() -> list[str]:
    """Return the codes with their meanings, one per line."""
    width = max(map(len, _MEANINGS))
    return [f"{name:<{width}}  {text}" for name, text in _MEANINGS.items()]
