"""No name ever puts a wildcard of CloudFront's custom policies into the signed bytes.

The signature of a canned policy is the signature of a custom policy with the same bytes. Whoever holds a signed URL can
send these bytes as `Policy`, and there `*` in `Resource` is any text and `?` any character. So a URL for the name `*`
with a raw `*` would open every file; with `%2A` it opens the file of that name.
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-creating-signed-url-custom-policy.html
"""

import importlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolvers import url_handler
from resolvers.content_disposition import InvalidDownloadName
from resolvers.file_names import InvalidFileName
from resolvers.signed_url import UrlSigner
from tests.lambda_events import Context, appsync_event
from tests.sandbox import ENVIRONMENT
from tests.signing_keys import BASE_URL, KEY_ID, P256, pem

EXPIRES = 1_800_001_200
SIGNER = UrlSigner(KEY_ID, pem(P256), "ecdsa-p256")


class Recorder:
    """Keeps what would be signed."""

    def __init__(self) -> None:
        self.urls: list[str] = []

    def sign(self, url: str, expires: int) -> str:
        self.urls.append(url)
        return SIGNER.sign(url, expires)

    def signer(self, _now: float, _seconds: float) -> "Recorder":
        return self

    def days_signing(self, _signer: object, _now: float) -> float:
        return 0


@pytest.fixture(scope="module")
def signed() -> Any:
    """Request a URL, and return what was signed."""
    recorder = Recorder()
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name, value in ENVIRONMENT.items():
            monkeypatch.setenv(name, value)
        importlib.reload(url_handler)
        monkeypatch.setattr(url_handler, "_keys", lambda: recorder)

        def signed(**arguments: Any) -> str:
            recorder.urls.clear()
            url_handler._signed.cache_clear()
            url_handler.handler(appsync_event("getUrl", arguments), Context())
            [url] = recorder.urls
            return url

        yield signed


@pytest.mark.parametrize(
    ("arguments", "url"),
    [
        ({"file": "*"}, "/%2A"),
        ({"file": "?"}, "/%3F"),
        ({"file": "a/*?"}, "/a/%2A%3F"),
        ({"file": "****"}, "/%2A%2A%2A%2A"),
        (
            {"file": "a", "saveAs": "*?"},
            "/a?response-content-disposition=attachment%3B%20filename%3D%22%2A%3F%22",
        ),
        (
            {"file": "a", "saveAs": "é*"},  # whose header has a `*` of its own
            "/a?response-content-disposition="
            "attachment%3B%20filename%3D%22_%2A%22%3B%20filename%2A%3DUTF-8%27%27%25C3%25A9%252A",
        ),
    ],
)
def test_wildcard_in_a_name_is_signed_percent_encoded(
    signed: Callable[..., str], arguments: dict[str, str], url: str
) -> None:
    assert signed(**arguments) == BASE_URL + url


NAMES = st.one_of(st.text(st.sampled_from("*?%2AaF3/é ")), st.text())


@given(NAMES, st.none() | NAMES)
def test_no_name_puts_a_wildcard_into_the_signed_bytes(
    signed: Callable[..., str], file: str, save_as: str | None
) -> None:
    try:
        url = signed(file=file, saveAs=save_as)
    except (InvalidFileName, InvalidDownloadName):
        return
    assert "*" not in url
    assert url.count("?") == (save_as is not None)


@pytest.mark.parametrize("target", ["/*", "/a*b", "/a?b*", "/a?b?", "/a??", "/a?x=*", "*"])
def test_signer_refuses_a_wildcard_whoever_made_the_url(target: str) -> None:
    with pytest.raises(ValueError, match="must be percent-encoded before it is signed"):
        SIGNER.sign(BASE_URL + target, EXPIRES)


def test_signer_takes_the_question_mark_before_a_query() -> None:
    assert SIGNER.sign(f"{BASE_URL}/a?x=%2A%3F", EXPIRES).startswith(f"{BASE_URL}/a?x=%2A%3F&Expires=")
