"""`get` against an API and an edge that are hostile, broken or out of date."""

import os
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from gql.transport.appsync_auth import AppSyncApiKeyAuthentication

from private_files import download, get, network
from private_files.api import PrivateFiles
from private_files.failures import Failure, Unreachable
from private_files.get import Request
from private_files.outputs import Outputs
from private_files.partial_file import PartialFile
from private_files.report import Report
from tests.download_edge import Edge, download_edge

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def edge() -> Iterator[Edge]:
    with download_edge() as edge:
        yield edge


def api_of(edge: Edge) -> PrivateFiles:
    return PrivateFiles(f"{edge.url}/graphql", AppSyncApiKeyAuthentication(host="", api_key="da2-key"))


@pytest.fixture
def run(edge: Edge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """`get` in an empty folder: exit code, standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(download, "PAUSES", (0.0,) * 4)

    def go(*names: str, **options: Any) -> tuple[int, str]:
        report = Report(as_json=False)
        get.get(api_of(edge), Request(names, **options), report)
        code = report.end()
        return code, capsys.readouterr().err

    return go


def written(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def url_item(edge: Edge, name: Any, **values: Any) -> dict[str, Any]:
    return {"file": name, "url": edge.sign("evil"), "errorType": None, "errorMessage": None, **values}


def listed(edge: Edge, name: Any, **values: Any) -> dict[str, Any]:
    item = {"name": name, "size": 4, "lastModified": "2025-01-01T00:00:00Z", "url": edge.sign("evil")}
    return {"listFiles": {"items": [item | values], "nextToken": None}}


@pytest.mark.parametrize("name", [".bash_profile", ".ssh/authorized_keys", "other.pdf", "Report.pdf"])
def test_name_that_was_not_requested_is_not_written(edge: Edge, run: Run, tmp_path: Path, name: str) -> None:
    edge.files["evil"] = (b"evil", '"e"')
    edge.hostile = {"getUrls": [url_item(edge, name)]}
    code, err = run("report.pdf")
    assert (code, written(tmp_path)) == (5, [])
    assert f"{name}: the API returned it, and it was not requested\n" in err
    assert "report.pdf: the API returned nothing for it\n" in err


def test_name_that_is_returned_twice_is_written_once(edge: Edge, run: Run, tmp_path: Path) -> None:
    edge.files |= {"evil": (b"evil", '"e"'), "a": (b"good", '"a"')}
    edge.hostile = {"getUrls": [url_item(edge, "a", url=edge.sign("a")), url_item(edge, "a")]}
    assert run("a")[0] == 5
    assert (tmp_path / "a").read_bytes() == b"good"


def test_name_without_the_requested_prefix_is_not_written(edge: Edge, run: Run, tmp_path: Path) -> None:
    edge.files["evil"] = (b"evil", '"e"')
    edge.hostile = listed(edge, "other.txt")
    code, err = run(prefix="photos/")
    assert (code, written(tmp_path)) == (5, [])
    assert "its name does not start with the prefix" in err


@pytest.mark.parametrize("name", [".bash_profile", ".ssh/authorized_keys", "a/.git/hooks/post-checkout"])
def test_hidden_file_is_written_only_where_it_was_asked_for(
    edge: Edge, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    edge.files = {name: (b"x", '"x"')}
    for options in ({}, {"output": "home"}, {"output": "home/."}):
        code, err = run(**options)
        assert (code, "hidden files" in err, written(tmp_path)) == (5, True, [])
    assert run(output="backup")[0] == 0
    assert run(name)[0] == 0
    assert written(tmp_path) == sorted([name, f"backup/{name}"])


def test_hidden_segment_of_the_prefix_was_asked_for() -> None:
    assert Request(prefix=".well-known/").path(".well-known/x") == Path(".well-known/x")
    assert Request(prefix=".w").path(".well-known/x") == Path(".well-known/x")
    assert Request().path("a./b.c") == Path("a./b.c")


def test_link_that_leads_outside_the_output_folder_is_not_followed(edge: Edge, run: Run, tmp_path: Path) -> None:
    edge.files = {"photos/a": (b"x", '"x"'), "inside/a": (b"x", '"x"')}
    for folder in ("out", "out/real", "elsewhere"):
        (tmp_path / folder).mkdir()
    (tmp_path / "out/photos").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "out/inside").symlink_to("real")
    (tmp_path / "out/loop").symlink_to("loop")
    edge.files["loop/a"] = (b"x", '"x"')
    code, err = run(output="out")
    assert (code, written(tmp_path)) == (5, ["out/real/a"])
    assert "a symbolic link in out/photos leads outside the output folder" in err
    assert "out/loop is in the way: it is not a folder" in err


def test_two_names_that_are_one_file_on_this_disk_are_told_apart(edge: Edge, run: Run, tmp_path: Path) -> None:
    # As names that differ in case, or in NFC and NFD, do on disks of macOS and Windows.
    edge.files = {"a/x": (b"one", '"1"'), "b/x": (b"other", '"2"')}
    (tmp_path / "a").mkdir()
    (tmp_path / "b").symlink_to("a")
    code, err = run("a/x", "b/x", force=True, parallel=1)
    assert (code, (tmp_path / "a/x").read_bytes()) == (5, b"one")
    assert "b/x is the same file as a/x, which was just downloaded" in err


def test_home_folder_in_a_name_is_not_expanded() -> None:
    assert Request(names=("~/x",)).path("~/x") == Path("~/x")


@pytest.mark.parametrize(
    "item",
    [
        {"size": "large"},
        {"size": None},
        {"size": -1},
        {"size": True},
        {"size": 1.5},
        {"size": float("nan")},
        {"size": float("inf")},
        {"size": [1]},
        {"lastModified": None},
        {"lastModified": 5},
        {"lastModified": "yesterday"},
        {"lastModified": "9999-99-99"},
        {"url": 7},
        {"url": "file:///etc/passwd"},
        {"url": "http://files.example.com/a"},
        {"url": "https://a b/"},
        {"url": "https://[/"},
        {"url": "https://user@h/"},
    ],
)
def test_odd_value_costs_one_file_and_is_a_sentence(edge: Edge, run: Run, item: dict[str, Any]) -> None:
    edge.hostile = listed(edge, "odd", **item)
    edge.files["fine"] = (b"fine", '"f"')
    fine = {"name": "fine", "size": 4, "lastModified": "2025-01-01T00:00:00Z", "url": edge.sign("fine")}
    edge.hostile["listFiles"]["items"].append(fine)
    code, err = run()
    assert (code, err.startswith("odd: the API returned ")) == (5, True)
    assert Path("fine").exists()


@pytest.mark.parametrize(
    "data",
    [
        5,
        [],
        "x",
        {"getUrls": 5},
        {"getUrls": {"file": "a"}},
        {"getUrls": [None]},
        {"getUrls": [5]},
        {"getUrls": [{"file": 5, "url": "https://a/"}]},
        {"getUrls": [{}]},
        {"listFiles": 5},
        {"listFiles": {}},
        {"listFiles": {"items": None, "nextToken": None}},
        {"listFiles": {"items": [None], "nextToken": None}},
        {"listFiles": {"items": [{}], "nextToken": None}},
        {"listFiles": {"items": [], "nextToken": 5}},
        {"getFiles": "abc"},
        {"getFiles": [None]},
        {"getUrl": 5},
        {"getUrl": "https://h/\x1b[2J"},
        {"getUrl": "javascript:alert(1)"},
    ],
)
def test_response_of_another_form_is_a_sentence(edge: Edge, data: Any) -> None:
    edge.hostile = data
    api = api_of(edge)
    calls: dict[str, Callable[[], Any]] = {
        "getUrls": lambda: api.urls(["a"]),
        "listFiles": lambda: list(api.pages()),
        "getFiles": api.names,
        "getUrl": lambda: api.url("a"),
    }
    fields = data if isinstance(data, dict) else calls
    for field in fields:
        with pytest.raises(Failure, match=r"(does not have the expected form|did not return a GraphQL response)"):
            calls[field]()


def test_page_that_is_returned_again_ends_the_listing(edge: Edge) -> None:
    edge.hostile = listed(edge, "a")
    edge.hostile["listFiles"]["nextToken"] = "again"
    with pytest.raises(Unreachable, match="for the second time"):
        list(api_of(edge).pages())


def test_url_errors_of_a_page_cost_one_request_for_all(edge: Edge, run: Run) -> None:
    edge.files = {f"{number}.txt": (b"x", f'"{number}"') for number in range(50)}
    edge.signs_listed = False
    assert (run()[0], edge.api_requests) == (0, 2)


def test_revoked_key_does_not_cost_a_request_for_each_file(edge: Edge, run: Run) -> None:
    edge.files = {f"{number}.txt": (b"x", f'"{number}"') for number in range(50)}
    edge.valid_from = 10_000
    code, err = run(parallel=2)
    assert (code, err.count("the edge refuses a newly signed URL")) == (5, 50)
    assert edge.api_requests < 10


def test_edge_that_always_breaks_off_at_the_same_byte_ends_the_download(edge: Edge, run: Run, tmp_path: Path) -> None:
    edge.files = {"a": (b"x" * 300_000, '"a"')}
    edge.always_drops_after = 200_000
    code, err = run("a")
    assert (code, "the connection broke off" in err, len(edge.requests) < 12) == (5, True, True)
    edge.always_drops_after = None
    assert (run("a")[0], (tmp_path / "a").stat().st_size) == (0, 300_000)


def test_old_copy_of_a_replaced_file_is_not_reported_as_success(edge: Edge, run: Run, tmp_path: Path) -> None:
    edge.files["evil"] = (b"old", '"o"')
    for new in ({"size": 4}, {"size": 3, "lastModified": "2025-01-01T00:00:01Z"}):
        edge.hostile = listed(edge, "a.txt", **new)
        code, err = run()
        assert (code, "it may keep an old copy" in err, written(tmp_path)) == (5, True, [])
    edge.hostile = listed(edge, "a.txt", size=99, lastModified="2024-12-31T00:00:00Z")  # replaced since it was listed
    assert run()[0] == 0


@pytest.mark.parametrize("mode", [0o644, 0o666, 0o640])
def test_partial_file_that_this_program_did_not_write_is_not_completed(
    edge: Edge, run: Run, tmp_path: Path, mode: int
) -> None:
    edge.files = {"a": (b"good content", '"a1"')}
    part = PartialFile(tmp_path / "a", '"a1"').path
    part.write_bytes(b"evil ")
    part.chmod(mode)
    assert run("a")[0] == 0
    assert (tmp_path / "a").read_bytes() == b"good content"


def test_partial_file_of_another_user_is_refused(
    edge: Edge, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edge.files = {"a": (b"good content", '"a1"')}
    part = PartialFile(tmp_path / "a", '"a1"').path
    part.write_bytes(b"evil ")
    part.chmod(0o600)
    own = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: own + 1)
    code, err = run("a")
    assert (code, "is not a partial file of this program: remove it" in err) == (5, True)
    assert not (tmp_path / "a").exists()


def test_partial_file_that_is_another_name_of_a_file_is_refused(edge: Edge, run: Run, tmp_path: Path) -> None:
    edge.files = {"a": (b"good content", '"a1"')}
    (tmp_path / "mine").write_bytes(b"mine")
    (tmp_path / "mine").chmod(0o600)
    PartialFile(tmp_path / "a", '"a1"').path.hardlink_to(tmp_path / "mine")
    assert run("a")[0] == 5
    assert (tmp_path / "mine").read_bytes() == b"mine"


def test_nobody_else_can_read_a_partial_file_and_the_umask_decides_about_the_whole(
    edge: Edge, run: Run, tmp_path: Path
) -> None:
    part = PartialFile(tmp_path / "x", '"x"')
    part.open().close()
    assert part.path.stat().st_mode & 0o777 == 0o600
    edge.files = {"a": (b"a", '"a"')}
    run("a")
    (tmp_path / "by-umask").touch()
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "by-umask").stat().st_mode


@pytest.mark.parametrize(
    ("code", "status", "meaning"),
    [
        ("AccessDenied", 403, "there is no such file, or the distribution is not allowed to read it (AccessDenied)"),
        ("NoSuchKey", 404, "there is no such file (NoSuchKey)"),
        ("KMS.DisabledException", 400, "the KMS key of the file is disabled"),
        ("KMS.NewException", 403, "the KMS key of the file cannot be used (KMS.NewException)"),
        ("InvalidObjectState", 403, "the file is archived"),
        ("Unheard", 409, "S3 refuses it (Unheard)"),
    ],
)
def test_code_of_s3_says_why_a_file_is_refused(edge: Edge, run: Run, code: str, status: int, meaning: str) -> None:
    edge.refusal_status = status
    edge.refusal = ("AmazonS3", f"<?xml version='1.0'?><Error><Code>{code}</Code></Error>".encode())
    found, err = run("a")
    assert (found, err.startswith(f"a: {meaning}")) == (5, True), err


def test_code_of_the_edge_is_named(edge: Edge, run: Run) -> None:
    edge.refusal = ("CloudFront", b"<Error><Code>InvalidKey</Code><Message>Unknown Key</Message></Error>")
    assert "refuses a newly signed URL (InvalidKey)" in run("a")[1]


@pytest.mark.parametrize(("stored", "given"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_missing_file_whose_name_looks_like_another_says_so(edge: Edge, run: Run, stored: Any, given: Any) -> None:
    edge.files = {unicodedata.normalize(stored, "photos/é.jpg"): (b"x", '"x"')}
    code, err = run(unicodedata.normalize(given, "photos/é.jpg"))
    assert (code, "looks the same exists: it is written with" in err, f"({stored})" in err) == (5, True, True)
    assert "looks the same" not in run("photos/e.jpg")[1]


def test_proxies_are_those_of_the_environment_and_never_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    assert network.proxy("https://a.example.com/") is None
    monkeypatch.setenv("ALL_PROXY", "proxy.example.com:3128")
    assert network.proxy("https://a.example.com/") == "http://proxy.example.com:3128"
    monkeypatch.setenv("HTTPS_PROXY", "http://other:3128")
    monkeypatch.setenv("NO_PROXY", ".internal")
    assert network.proxy("https://a.example.com/") == "http://other:3128"
    for url in ("https://127.0.0.1:4566/", "http://localhost:1/", "https://[::1]/", "https://a.internal/"):
        assert network.proxy(url) is None


@pytest.mark.parametrize("value", ["socks5://user:secret@h:1080", "http://", "http://h:x", "https://h:99999"])
def test_proxy_that_cannot_be_used_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", value)
    with pytest.raises(Failure, match=r"The proxy in HTTPS_PROXY cannot be used: .*NO_PROXY") as refused:
        network.proxy("https://a.example.com/")
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("name", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
def test_bundle_of_the_environment_is_used_everywhere(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for each in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(each, raising=False)
    monkeypatch.setenv(name, "/missing.pem")
    with pytest.raises(Failure, match=rf"/missing\.pem \({name}\) cannot be used"):
        network.trust(Outputs())
    assert network.ca_bundle(Outputs(aws_ca_bundle="/own.pem"))[0] == "/own.pem"
