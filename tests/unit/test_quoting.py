"""What callers send comes back in messages and logs printable and short, and never as a working signed URL."""

import importlib
import io
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest

from resolvers import files_handler, url_handler
from resolvers.quoting import masked, quoted
from tests.lambda_events import Context, appsync_event, http_event
from tests.sandbox import ENVIRONMENT

SECRETS = ["S3CR3Tsignature~-_", "S3CR3Tpolicy", "KS3CR3TKEYID", "S3CR3Tcredential", "S3CR3Ttoken"]
SIGNED = (
    f"https://d111111abcdef8.cloudfront.net/a.pdf?Expires=1800000000&Signature={SECRETS[0]}&Key-Pair-Id={SECRETS[2]}"
    "&Hash-Algorithm=SHA256"
)
WITH_POLICY = f"https://example.com/a?Policy={SECRETS[1]}&Signature={SECRETS[0]}&Key-Pair-Id={SECRETS[2]}"
PRESIGNED = (
    f"https://b.s3.amazonaws.com/a?X-Amz-Credential={SECRETS[3]}%2F20270115&X-Amz-Security-Token={SECRETS[4]}"
    f"&X-Amz-Signature={SECRETS[0]}"
)
TEXTS = [
    SIGNED,
    WITH_POLICY,
    PRESIGNED,
    SIGNED.replace("https://", ""),  # which is a file name like others
    SIGNED.partition("?")[2],
    SIGNED.partition("Expires=1800000000&")[2],
    SIGNED.replace("&", "&amp;"),
    SIGNED.lower(),
    SIGNED.replace("~", "%7E"),
    quote(SIGNED, safe=""),
    quote(quote(SIGNED, safe=""), safe=""),
    SIGNED.replace("S3CR3T", "S3CR3T\n"),  # as mail breaks it
    SIGNED.replace("=S3", "= S3"),
    f"{'x' * 90}?Signature={SECRETS[0]}",
    f"CloudFront-Signature={SECRETS[0]}; CloudFront-Key-Pair-Id={SECRETS[2]}",
]
EACH_TEXT = pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))


def holds_no_secret(written: str) -> bool:
    return "s3cr3t" not in written.lower() and "signature~" not in written.lower()


@EACH_TEXT
def test_signed_url_is_masked(text: str) -> None:
    assert holds_no_secret(masked(text))
    assert holds_no_secret(quoted(text))


@pytest.mark.parametrize("encodings", [0, 1, 2, 3])
def test_masked_url_says_which_file_it_opened_and_until_when(encodings: int) -> None:
    url = SIGNED
    expected = url.replace(SECRETS[0], "HIDDEN").replace(SECRETS[2], "HIDDEN")
    for _ in range(encodings):
        url, expected = quote(url, safe=""), quote(expected, safe="")
    assert masked(url) == expected.replace("HIDDEN", "…")


@pytest.mark.parametrize("name", ["a.pdf", "signature.png", "policy/2026.pdf", "été & co=1.txt", "Expires=1"])
def test_other_names_are_not_masked(name: str) -> None:
    assert masked(name) == name
    assert quoted(name) == repr(name)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a" * 100, repr("a" * 100)),
        ("a" * 101, repr("a" * 100) + "…"),
        ("é" * 100, repr("é" * 100)),
        ("é" * 101, repr("é" * 100) + "…"),
        ("a\x1b[31m\n", r"'a\x1b[31m\n'"),
        ("é\u2028\x9b\u202e", r"'é\u2028\x9b\u202e'"),
        ("\n" * 101, "'" + r"\n" * 100 + "'…"),
        ("\ud83d", r"'\ud83d'"),
    ],
    ids=ascii,
)
def test_text_is_quoted_on_one_line_and_cut_after_a_hundred_characters(text: str, expected: str) -> None:
    assert quoted(text) == expected


# Through the functions: every argument that takes text


class Signer:
    def sign(self, url: str, expires: int) -> str:
        return f"{url}#{expires}"


class Keys:
    def signer(self, _now: float, _seconds: float) -> Signer:
        return Signer()

    def days_signing(self, _signer: Signer, _now: float) -> float:
        return 0


class Listing:
    def __getattr__(self, name: str) -> Callable[..., Any]:
        from resolvers.s3_files import FileListing  # noqa: PLC0415 - the real one, without S3

        return getattr(FileListing(_NoS3(), bucket="b", folder="files"), name)  # type: ignore[arg-type, no-any-return]


class _NoS3:
    def list_objects_v2(self, **_: Any) -> dict[str, Any]:
        return {"IsTruncated": False}


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "quoting")
    log = io.StringIO()
    for module in (url_handler, files_handler):
        importlib.reload(module)
        module.logger.registered_handler.setStream(log)
    monkeypatch.setattr(url_handler, "_keys", Keys)
    monkeypatch.setattr(files_handler, "_listing", lambda _: Listing())
    yield log


REQUESTS: list[Callable[[str], tuple[Any, Any]]] = [
    lambda text: (url_handler, appsync_event("getUrl", {"file": text})),
    lambda text: (url_handler, appsync_event("getUrl", {"file": f"/{text}"})),
    lambda text: (url_handler, appsync_event("getUrl", {"file": "a" + text.replace("//", "/").replace("\n", "")})),
    lambda text: (url_handler, appsync_event("getUrl", {"file": "a", "saveAs": text})),
    lambda text: (url_handler, appsync_event("getUrl", {"file": "a", "saveAs": f"/{text}"})),
    lambda text: (files_handler, appsync_event("getFile", {"file": text})),
    lambda text: (files_handler, appsync_event("getFile", {"file": text * 9})),
    lambda text: (files_handler, appsync_event("getFiles", {"prefix": text * 9})),
    lambda text: (files_handler, appsync_event("listFiles", {"prefix": f"\ud83d{text}"})),
    lambda text: (files_handler, appsync_event("listFiles", {"delimiter": text})),
    lambda text: (files_handler, appsync_event("listFiles", {"nextToken": text})),
    lambda text: (url_handler, http_event("/url", f"file={quote(text, safe='')}")),
    lambda text: (url_handler, http_event("/url", f"file={text}")),
    lambda text: (url_handler, http_event("/url", f"file=a&saveAs=/{quote(text, safe='')}")),
    lambda text: (url_handler, http_event("/url", f"file=a&expiresIn={quote(text, safe='')}")),
    lambda text: (url_handler, http_event("/url", f"{quote(text, safe='')}=a")),
    lambda text: (files_handler, http_event("/files", f"prefix={quote(text * 9, safe='')}")),
    lambda text: (files_handler, http_event("/files", text)),
]


@EACH_TEXT
def test_signed_url_in_any_argument_is_in_no_message_and_no_log(
    log: io.StringIO, capfd: pytest.CaptureFixture[str], text: str
) -> None:
    for request in REQUESTS:
        module, event = request(text)
        try:
            response = module.handler(event, Context())
        except Exception as error:  # noqa: BLE001 - of any kind
            assert holds_no_secret(str(error)), str(error)
        else:
            if isinstance(response, dict) and response.get("statusCode", 200) != 200:
                assert holds_no_secret(response["body"]), response["body"]
    assert holds_no_secret(log.getvalue() + "".join(capfd.readouterr()))
    assert "signed" in log.getvalue()


@EACH_TEXT
@pytest.mark.usefixtures("log")
def test_signed_url_among_many_names_is_in_no_message(text: str) -> None:
    names = [text, f"/{text}", f"{text}/", text * 9]
    results = url_handler.handler(appsync_event("getUrls", {"files": names}), Context())
    events = [appsync_event("url", {"saveAs": f"/{name}"}, parent="File", source={"name": name}) for name in names]
    results += url_handler.handler(events, Context())
    messages = [result["errorMessage"] for result in results if "errorMessage" in result]
    assert len(messages) >= 6
    assert all(map(holds_no_secret, messages))
