"""A name, its S3 key and its URL path, read back by decoders that know nothing of the code that wrote them."""

import json
import re
import subprocess
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from resolvers.file_names import InvalidFileName, InvalidPrefix, check_name, from_key, to_key, to_url_path

FOLDER = "files"
ROOM = 1024 - len("files/")  # what S3's 1,024 bytes leave to the name

# The names that encoders, browsers and SDKs are known to trip over.
TRICKY_NAMES = [
    "a.jpg",
    "a b.jpg",
    " leading and trailing ",
    "été/übung.jpg",
    "e\u0301.jpg",  # decomposed: S3 keeps it apart from é
    "日本語/ファイル.txt",
    "😀/👩‍👩‍👧.png",
    "100%.jpg",
    "100%25.jpg",
    "%41.jpg",
    "%2e%2e/%2F.jpg",
    "a+b.jpg",
    "a#b?c&d=e.jpg",
    "\"quoted\" 'and' `ticked`.txt",
    "a\\b.txt",
    "C:/Windows/win.ini",
    "http:",
    "~tilde-._/(1)!*;:@,$[]{}|^<>.txt",
    "...",
    ".hidden",
    "a./.b/..c/d..",
    "\u00a0\u200b\u2028\ufeff\U0010ffff",
    "Expires=1&Signature=x&Key-Pair-Id=y",
]


@pytest.mark.parametrize("name", TRICKY_NAMES)
def test_path_decodes_to_the_very_name(name: str) -> None:
    assert unquote(to_url_path(name, FOLDER), errors="strict") == f"/{name}"


@pytest.mark.parametrize("name", TRICKY_NAMES)
def test_path_is_spelled_with_unreserved_characters_slashes_and_upper_case_triplets(name: str) -> None:
    assert re.fullmatch(r"/(?:[A-Za-z0-9\-._~/]|%[0-9A-F]{2})+", to_url_path(name, FOLDER))


@pytest.mark.parametrize("name", TRICKY_NAMES)
def test_key_is_the_folder_and_the_unchanged_name(name: str) -> None:
    assert to_key(name, "public/files") == f"public/files/{name}"
    assert from_key(f"public/files/{name}", "public/files") == name


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("été/a b.jpg", "/%C3%A9t%C3%A9/a%20b.jpg"),
        ("100%25.jpg", "/100%2525.jpg"),
        ("a+b#c?d&e='\".txt", "/a%2Bb%23c%3Fd%26e%3D%27%22.txt"),
        ("😀.png", "/%F0%9F%98%80.png"),
        ("A-Z_a~z.0", "/A-Z_a~z.0"),
    ],
)
def test_path_is_percent_encoded_utf8(name: str, path: str) -> None:
    assert to_url_path(name, FOLDER) == path


@pytest.mark.slow  # a process
def test_browser_rewrites_no_path_whichever_characters_of_unicode_the_name_has() -> None:
    codes = [*range(0x20, 0x7F), *range(0xA0, 0xD800), *range(0xE000, 0x110000)]
    characters = [chr(code) for code in codes]
    names = TRICKY_NAMES + ["".join(characters[start : start + 100]) for start in range(0, len(characters), 100)]
    urls = ["https://files.example.com" + to_url_path(name, FOLDER) for name in names]
    # Node's URL is the browsers': https://url.spec.whatwg.org/
    script = "process.stdout.write(JSON.stringify(JSON.parse(require('fs').readFileSync(0)).map(u => new URL(u).href)))"
    done = subprocess.run(["node", "-e", script], input=json.dumps(urls).encode(), capture_output=True, check=True)
    assert json.loads(done.stdout) == urls


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        pytest.param("", "it is empty", id="empty"),
        pytest.param("/", "it begins with a slash", id="slash"),
        pytest.param("/a.jpg", "it begins with a slash", id="leading-slash"),
        pytest.param("a/", "it has an empty segment", id="trailing-slash"),
        pytest.param("a//b", "it has an empty segment", id="empty-segment"),
        pytest.param(".", "it has a segment of dots", id="dot"),
        pytest.param("..", "it has a segment of dots", id="dots"),
        pytest.param("a/./b", "it has a segment of dots", id="dot-segment"),
        pytest.param("a/../b", "it has a segment of dots", id="dots-segment"),
        pytest.param("../secret", "it has a segment of dots", id="dots-first"),
        pytest.param("a/..", "it has a segment of dots", id="dots-last"),
        pytest.param("a\0b", "it contains a control character", id="nul"),
        pytest.param("a\nb", "it contains a control character", id="newline"),
        pytest.param("a\n", "it contains a control character", id="newline-last"),
        pytest.param("a\tb", "it contains a control character", id="tab"),
        pytest.param("a\x1fb", "it contains a control character", id="last-of-c0"),
        pytest.param("a\x7fb", "it contains a control character", id="del"),
        pytest.param("a\x80b", "it contains a control character", id="first-of-c1"),
        pytest.param("a\x9fb", "it contains a control character", id="last-of-c1"),
        pytest.param("a\ud83d", "half of a surrogate pair", id="high-surrogate"),
        pytest.param("\ude00.jpg", "half of a surrogate pair", id="low-surrogate"),
        pytest.param("a" * (ROOM + 1), "it is 1025 bytes long, and S3 allows at most 1024", id="ascii-too-long"),
        pytest.param("ü" * (ROOM // 2) + "a", "it is 1025 bytes long, and S3 allows at most 1024", id="utf8-too-long"),
        pytest.param("😀" * 300, "it is 1206 bytes long, and S3 allows at most 1024", id="emoji-too-long"),
    ],
)
def test_name_that_cannot_be_served_is_refused_with_its_reason(name: str, reason: str) -> None:
    with pytest.raises(InvalidFileName) as checked:
        check_name(name, FOLDER)
    with pytest.raises(InvalidFileName) as as_path:
        to_url_path(name, FOLDER)
    assert reason in str(checked.value)
    assert str(as_path.value) == str(checked.value)
    assert str(checked.value).isprintable()


@pytest.mark.parametrize("name", ["a" * ROOM, "ü" * (ROOM // 2), "😀" * 254 + "aa"], ids=["ascii", "2-byte", "4-byte"])
def test_name_that_fills_a_key_to_its_last_byte_is_served(name: str) -> None:
    assert len(to_key(name, FOLDER).encode()) == 1024
    assert unquote(to_url_path(name, FOLDER)) == f"/{name}"


def test_longer_folder_leaves_less_room_to_the_name() -> None:
    assert to_key("a" * ROOM, FOLDER)
    with pytest.raises(InvalidFileName, match="1025 bytes"):
        check_name("a" * ROOM, "files2")
    with pytest.raises(InvalidPrefix, match="1025 bytes"):
        to_key("a" * ROOM, "files2")


SEGMENTS = st.one_of(
    st.text(st.characters()), st.sampled_from(["", ".", "..", "%2e", "%2F", "+", "%", "?", "#", "\\", "\x7f", "é"])
)
NAMES = st.one_of(st.text(st.characters()), st.lists(SEGMENTS, min_size=1, max_size=5).map("/".join))


def can_be_served(name: str) -> bool:
    """The rule, in other words than the code's."""
    if any("\ud800" <= c <= "\udfff" or c < " " or "\x7f" <= c <= "\x9f" for c in name):
        return False
    return not {"", ".", ".."} & set(name.split("/")) and len(f"{FOLDER}/{name}".encode()) <= 1024


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(NAMES)
@example("a" * ROOM)
@example("a" * (ROOM + 1))
def test_every_name_is_refused_or_comes_back_unchanged(name: str) -> None:
    if not can_be_served(name):
        with pytest.raises(InvalidFileName):
            to_url_path(name, FOLDER)
        return
    path = to_url_path(name, FOLDER)
    assert re.fullmatch(r"/(?:[A-Za-z0-9\-._~/]|%[0-9A-F]{2})+", path)
    assert unquote(path, errors="strict") == f"/{name}"
    assert from_key(to_key(name, FOLDER), FOLDER) == name
