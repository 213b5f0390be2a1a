"""A caller's text in messages and logs: printable, short, and never a working signed URL. Pure."""

import re

MAX_LENGTH = 100  # characters

# The parameters and cookies by which CloudFront and S3 recognise a holder, percent-encoded once or more as well:
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-creating-signed-url-canned-policy.html
# https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
_SECRET = re.compile(
    r"(signature|policy|key-pair-id|credential|security-token)(\s*(?:=|%(?:25)*3d))(?:(?!%(?:25)*26)[^&])+",
    re.IGNORECASE,
)


def masked(text: str) -> str:
    """Return the text with … for the values of the parameters that make a URL a signed one."""
    return _SECRET.sub(r"\1\2…", text)


def quoted(text: str) -> str:
    """Return the text in quotes and masked; on one line, without control characters, and cut if it is long."""
    text = masked(text)
    return repr(text[:MAX_LENGTH]) + ("…" if text[MAX_LENGTH:] else "")
