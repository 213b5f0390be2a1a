"""Both resolvers with whole AppSync events, in front of an emulated S3 and SSM."""

import io
import logging
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from types import ModuleType, SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl

import boto3
import pytest
from moto import mock_aws
from moto.s3.models import s3_backends
from werkzeug.http import parse_options_header

from private_files.canned_policy import AccessDenied
from resolvers import files_handler, url_handler
from resolvers.content_disposition import InvalidDownloadName
from resolvers.file_names import InvalidFileName
from resolvers.key_store import SigningKeyUnavailable
from resolvers.s3_files import FilesUnavailable
from resolvers.settings import MissingSetting
from resolvers.signed_url import UnusableSigningKey
from tests.lambda_events import Context, appsync_event
from tests.sandbox import BUCKET, PARAMETER, s3_of_moto, set_environment, start
from tests.signing_keys import BASE_URL, KEY_ID, KEYS, NOW, P256, opened, pem, public_key_sha256
from tests.ssm_server import SsmServer, ssm_server

Call = Callable[..., Any]


@pytest.fixture(scope="module")
def server() -> Iterator[SsmServer]:
    with ssm_server() as server:
        yield server


@pytest.fixture
def aws(server: SsmServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[boto3.Session]:
    """An empty AWS."""
    set_environment(monkeypatch)
    with mock_aws(), s3_of_moto():
        session = boto3.Session()
        server.begin(session.client("ssm"))
        monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", server.url)
        yield session


@pytest.fixture
def get_files(aws: boto3.Session, monkeypatch: pytest.MonkeyPatch) -> Call:
    start(files_handler, aws, monkeypatch)
    return calling(files_handler, "getFiles")


@pytest.fixture
def log(aws: boto3.Session, monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """The log of the function that signs, just started."""
    log = start(url_handler, aws, monkeypatch)
    monkeypatch.setattr(url_handler, "time", SimpleNamespace(time=lambda: NOW))
    return log


def calling(module: ModuleType, field: str) -> Call:
    return lambda **arguments: module.handler(appsync_event(field, arguments), Context())


@pytest.fixture
def get_url(log: io.StringIO) -> Call:
    del log  # the function has started
    return calling(url_handler, "getUrl")


@pytest.fixture
def get_urls(log: io.StringIO) -> Call:
    del log
    return calling(url_handler, "getUrls")


# getFiles


@pytest.fixture
def put(aws: boto3.Session) -> Callable[..., None]:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})

    def put(*keys: str, body: bytes = b"content") -> None:
        for key in keys:
            s3.put_object(Bucket=BUCKET, Key=key, Body=body)

    return put


def test_every_file_is_listed_in_order_however_many_pages_they_fill(put: Callable[..., None], get_files: Call) -> None:
    names = [f"{number:04}.txt" for number in range(2500)]
    put()
    for name in reversed(names):  # past the API, which would take ten seconds
        s3_backends["123456789012"]["aws"].put_object(BUCKET, f"files/{name}", b"content")
    assert get_files() == names


@pytest.mark.usefixtures("put")
def test_empty_folder_lists_nothing(get_files: Call) -> None:
    assert get_files() == []


def test_folders_of_the_console_are_not_listed_but_their_files_are(put: Callable[..., None], get_files: Call) -> None:
    put("files/", "files/photos/", body=b"")
    put("files/photos/a.jpg", "files/odd/")
    assert get_files() == ["odd/", "photos/a.jpg"]


def test_empty_file_is_listed(put: Callable[..., None], get_files: Call) -> None:
    put("files/empty.txt", body=b"")
    assert get_files() == ["empty.txt"]


def test_files_outside_the_folder_are_not_listed(put: Callable[..., None], get_files: Call) -> None:
    put("files/in.txt", "files2/x", "file", "files", "filesx", "a", "z/files/x", "Files/x")
    assert get_files() == ["in.txt"]


def test_names_are_listed_as_they_are_spelled(put: Callable[..., None], get_files: Call) -> None:
    names = ["%41.jpg", "100%25.jpg", "a b.jpg", "a&b=c.jpg", "a+b.jpg", "a<b>.jpg", "a?b#c", "e\u0301.jpg", "é/ü.jpg"]
    names += ["日本.txt", "😀.png"]
    put(*(f"files/{name}" for name in names))
    assert get_files() == sorted(names, key=str.encode)


def test_missing_bucket_is_named_with_the_error_code_of_s3(get_files: Call) -> None:
    with pytest.raises(FilesUnavailable, match=rf"The files in {BUCKET} cannot be listed: S3 returned NoSuchBucket\."):
        get_files()


# getUrl


@pytest.fixture
def store(aws: boto3.Session) -> Callable[[bytes], None]:
    """Puts a value into the parameter, encrypted under a key of KMS."""
    ssm = aws.client("ssm", endpoint_url="https://ssm.eu-west-1.amazonaws.com")  # moto's, not the server before it
    encryption_key = aws.client("kms").create_key()["KeyMetadata"]["KeyId"]

    def store(value: bytes) -> None:
        ssm.put_parameter(
            Name=PARAMETER, Value=value.decode(), Type="SecureString", KeyId=encryption_key, Overwrite=True
        )

    return store


@pytest.mark.parametrize("algorithm", KEYS)
def test_url_opens_the_file_at_the_edge_for_its_lifetime(
    store: Callable[[bytes], None], get_url: Call, monkeypatch: pytest.MonkeyPatch, algorithm: str
) -> None:
    monkeypatch.setenv("SIGNING_KEYS", f"{KEY_ID} 0 {algorithm} {PARAMETER} {public_key_sha256(KEYS[algorithm])}")
    store(pem(KEYS[algorithm]))
    url = get_url(file="été/a b.jpg")
    # 900 seconds after NOW, and up to the end of the window of 300.
    assert url.startswith(f"{BASE_URL}/%C3%A9t%C3%A9/a%20b.jpg?Expires=1800001200&")
    assert opened(url, KEYS[algorithm], NOW + 900) == b"/%C3%A9t%C3%A9/a%20b.jpg"


@pytest.fixture
def reads(aws: boto3.Session, server: SsmServer) -> list[dict[str, Any]]:
    """Every GetParameter request."""
    del aws  # it clears the server's requests
    return server.requests


def test_key_is_read_once_decrypted_and_by_its_name(
    store: Callable[[bytes], None], get_url: Call, reads: list[dict[str, Any]]
) -> None:
    store(pem(P256))
    assert len({get_url(file=name) for name in ("a", "b", "c")}) == 3
    assert reads == [{"Name": PARAMETER, "WithDecryption": True}]


def test_failed_read_is_tried_again_at_the_next_request(
    server: SsmServer, store: Callable[[bytes], None], get_url: Call, reads: list[dict[str, Any]]
) -> None:
    store(pem(P256))
    server.refuses_with = "AccessDeniedException"
    with pytest.raises(SigningKeyUnavailable):
        get_url(file="a")
    server.refuses_with = ""
    assert get_url(file="a")
    assert len(reads) == 2


@pytest.mark.parametrize(
    ("code", "what_to_do"),
    [
        ("AccessDeniedException", "the function's role may not read it, or may not decrypt with its KMS key"),
        ("InvalidKeyId", "its KMS key is disabled or scheduled for deletion; enable it again"),
        ("ParameterNotFound", "it does not exist; deploy the stack again"),
        ("ValidationException", "SSM returned ValidationException"),
    ],
)
def test_unreadable_key_is_named_with_what_to_do(server: SsmServer, get_url: Call, code: str, what_to_do: str) -> None:
    server.refuses_with = code
    with pytest.raises(SigningKeyUnavailable) as refused:
        get_url(file="a.jpg")
    assert str(refused.value) == f"The signing key in the SSM parameter {PARAMETER} cannot be read: {what_to_do}."


def test_missing_key_is_named_with_what_to_do(get_url: Call) -> None:
    with pytest.raises(SigningKeyUnavailable, match=f"{PARAMETER} cannot be read: it does not exist; deploy the stack"):
        get_url(file="a.jpg")


def test_value_that_is_not_a_key_is_refused_and_not_quoted(
    store: Callable[[bytes], None], get_url: Call, log: io.StringIO
) -> None:
    store(b"-----BEGIN PRIVATE KEY-----\nnot-really-a-key\n-----END PRIVATE KEY-----")
    with pytest.raises(UnusableSigningKey, match="The signing key is not an unencrypted private key") as refused:
        get_url(file="a.jpg")
    assert "not-really" not in str(refused.value) + log.getvalue()


@pytest.mark.parametrize("name", ["", "/a", "../a", "a//b", "a/", "a\nb", "\ud83d", "a" * 1019], ids=ascii)
def test_name_that_cannot_be_served_is_refused_before_the_key_is_read(
    get_url: Call, reads: list[dict[str, Any]], name: str
) -> None:
    with pytest.raises(InvalidFileName, match="cannot be served"):
        get_url(file=name)
    assert reads == []


# The other arguments


@pytest.mark.parametrize(
    ("arguments", "expires"),
    [
        pytest.param({}, 1_800_001_200, id="default"),
        pytest.param({"expiresIn": None}, 1_800_001_200, id="null-is-the-default"),
        pytest.param({"expiresIn": 10}, 1_800_000_300, id="shortest"),
        pytest.param({"expiresIn": 3600}, 1_800_003_900, id="longest"),
        pytest.param({"expiresIn": 299}, 1_800_000_300, id="up-to-the-end-of-the-window"),
        pytest.param({"expiresIn": 300}, 1_800_000_600, id="a-second-into-the-next-window"),
    ],
)
@pytest.mark.parametrize("field", ["getUrl", "getUrls"])
def test_url_lives_for_expires_in_and_to_the_end_of_a_window(
    *,
    store: Callable[[bytes], None],
    get_url: Call,
    get_urls: Call,
    field: str,
    arguments: dict[str, Any],
    expires: int,
) -> None:
    store(pem(P256))
    url = get_url(file="a", **arguments) if field == "getUrl" else get_urls(files=["a"], **arguments)[0]["url"]
    assert url.startswith(f"{BASE_URL}/a?Expires={expires}&")


@pytest.mark.parametrize("seconds", [-1, 0, 9, 3601, 604_800])
@pytest.mark.parametrize("field", ["getUrl", "getUrls"])
def test_lifetime_outside_its_bounds_is_refused_with_the_bounds(
    *, store: Callable[[bytes], None], get_url: Call, get_urls: Call, field: str, seconds: int
) -> None:
    store(pem(P256))
    with pytest.raises(ValueError, match=rf"between 10 and 3600 seconds, not {seconds}\.$") as refused:
        get_url(file="a", expiresIn=seconds) if field == "getUrl" else get_urls(files=["a"], expiresIn=seconds)
    assert type(refused.value).__name__ == "InvalidLifetime"


@pytest.mark.parametrize("algorithm", KEYS)
def test_every_sandbox_gives_the_same_url_within_a_window(
    aws: boto3.Session, store: Callable[[bytes], None], monkeypatch: pytest.MonkeyPatch, algorithm: str
) -> None:
    store(pem(KEYS[algorithm]))
    monkeypatch.setenv("SIGNING_KEYS", f"{KEY_ID} 0 {algorithm} {PARAMETER} {public_key_sha256(KEYS[algorithm])}")
    urls = []
    # The window of 300 s ends where 900 s later is a multiple of it: at 1,800,000,300.
    for now in (1_800_000_000.25, 1_800_000_299.75, 1_800_000_300.25):
        start(url_handler, aws, monkeypatch)
        monkeypatch.setattr(url_handler, "time", SimpleNamespace(time=partial(float, now)))
        urls.append(calling(url_handler, "getUrl")(file="a.jpg", saveAs="été.jpg"))
    assert urls[0] == urls[1]
    assert urls[1] != urls[2]


@pytest.mark.parametrize("name", ["report.pdf", 'a "quoted" name & more.pdf', "été 100%25.jpg", "😀"])
def test_download_name_is_signed_and_passed_on_to_s3(store: Callable[[bytes], None], get_url: Call, name: str) -> None:
    store(pem(P256))
    url = get_url(file="a b", saveAs=name)
    path, _, query = opened(url, P256).decode().partition("?")
    assert path == "/a%20b"
    [[parameter, header]] = parse_qsl(query, strict_parsing=True)  # as S3 decodes it
    assert parameter == "response-content-disposition"
    assert parse_options_header(header) == ("attachment", {"filename": name})
    with pytest.raises(AccessDenied):
        opened(url.replace("attachment", "inline", 1), P256)


def test_null_download_name_changes_nothing(store: Callable[[bytes], None], get_url: Call) -> None:
    store(pem(P256))
    assert get_url(file="a", saveAs=None) == get_url(file="a")


@pytest.mark.parametrize("name", ["", "..", "a/b", "a\r\nSet-Cookie: x=1", "a" * 256], ids=ascii)
def test_name_that_no_browser_saves_is_refused_before_the_key_is_read(
    get_url: Call, reads: list[dict[str, Any]], name: str
) -> None:
    with pytest.raises(InvalidDownloadName, match=r"^saveAs "):
        get_url(file="a", saveAs=name)
    assert reads == []


# getUrls


def test_urls_come_in_the_order_of_the_files_and_twice_for_a_repeated_name(
    store: Callable[[bytes], None], get_url: Call, get_urls: Call
) -> None:
    store(pem(P256))
    names = ["b", "a b/é", "b", "100%25.jpg"]
    results = get_urls(files=names)
    assert [result["file"] for result in results] == names
    assert [result["url"] for result in results] == [get_url(file=name) for name in names]
    assert len({result["url"] for result in results}) == 3


def test_time_of_expiry_is_the_one_in_the_url(store: Callable[[bytes], None], get_urls: Call) -> None:
    store(pem(P256))
    [result] = get_urls(files=["a"], expiresIn=60)
    assert result["expiresAt"] == "2027-01-15T08:05:00Z"
    assert f"Expires={int(datetime.fromisoformat(result['expiresAt']).timestamp())}&" in result["url"]


def test_name_that_cannot_be_served_fails_alone(store: Callable[[bytes], None], get_urls: Call) -> None:
    store(pem(P256))
    first, refused, last = get_urls(files=["a", "../b", "c"])
    assert refused == {
        "file": "../b",
        "errorType": "InvalidFileName",
        "errorMessage": "The file name '../b' cannot be served: it has a segment of dots, which browsers resolve away.",
    }
    assert [opened(result["url"], P256) for result in (first, last)] == [b"/a", b"/c"]
    assert not any("errorType" in result or "errorMessage" in result for result in (first, last))


def test_no_files_have_no_urls(store: Callable[[bytes], None], get_urls: Call) -> None:
    store(pem(P256))
    assert get_urls(files=[]) == []


def test_thousand_files_are_signed_with_one_read_of_the_key(
    store: Callable[[bytes], None], get_urls: Call, reads: list[dict[str, Any]]
) -> None:
    store(pem(P256))
    results = get_urls(files=[f"{number}.jpg" for number in range(1000)])
    assert len({result["url"] for result in results}) == 1000
    assert len(reads) == 1


def test_more_than_a_thousand_files_are_refused_before_the_key_is_read(
    get_urls: Call, reads: list[dict[str, Any]]
) -> None:
    with pytest.raises(ValueError, match="at most 1000 files, not 1001") as refused:
        get_urls(files=["a"] * 1001)
    assert type(refused.value).__name__ == "TooManyFiles"
    assert reads == []


def test_key_that_cannot_be_read_fails_every_file(get_urls: Call) -> None:
    with pytest.raises(SigningKeyUnavailable):
        get_urls(files=["a", "b"])


# Both


@pytest.mark.parametrize("variable", ["BUCKET_NAME", "FILES_FOLDER", "ACCESS"])
def test_listing_without_a_setting_names_it(get_files: Call, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.delenv(variable)
    with pytest.raises(MissingSetting, match=rf"variable {variable} is not set"):
        get_files()


@pytest.mark.parametrize(
    "variable",
    [
        "CDN_URL",
        "FILES_FOLDER",
        "SIGNING_KEYS",
        "URL_LIFETIME",
        "URL_LIFETIME_MIN",
        "URL_LIFETIME_MAX",
        "URL_WINDOW",
        "ACCESS",
    ],
)
def test_signing_without_a_setting_names_it(get_url: Call, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.delenv(variable)
    with pytest.raises(MissingSetting, match=rf"variable {variable} is not set"):
        get_url(file="a.jpg")


def test_nothing_written_while_signing_opens_a_file(
    *,
    store: Callable[[bytes], None],
    get_url: Call,
    get_urls: Call,
    log: io.StringIO,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    store(pem(P256))
    urls = [get_url(file="a.jpg"), get_url(file="a.jpg", saveAs="b.jpg"), get_urls(files=["c.jpg", "/d"])[0]["url"]]
    signatures = [url.partition("Signature=")[2].partition("&")[0] for url in urls]
    assert len(set(signatures)) == 3
    with pytest.raises(InvalidFileName):
        get_url(file="/a.jpg")
    written = "".join([*capfd.readouterr(), caplog.text, log.getvalue()])
    assert "a.jpg" in written and "UrlsSigned" in written
    for secret in (*signatures, "Signature=", "PRIVATE KEY", pem(P256).decode().splitlines()[1]):
        assert secret not in written
