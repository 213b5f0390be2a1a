"""Playlists for a player of this machine: what they name, with other addresses."""

import re
from urllib.parse import quote

import pytest

from private_files import playlist
from private_files.failures import TransferFailed
from private_files.playlist import Playlist

ORIGIN = "https://files.example.com"
MEDIA = """#EXTM3U
#EXT-X-VERSION:7
#EXT-X-TARGETDURATION:4
#EXT-X-KEY:METHOD=AES-128,URI="../clé + 1.key",IV=0x01
#EXT-X-MAP:URI="init.mp4",BYTERANGE="842@0"
#EXTINF:4.0,URI="not an attribute of this tag.ts
#EXT-X-BYTERANGE:10@0
0.m4s

# a comment
#EXTINF:4.0,
#EXT-X-KEY:METHOD=NONE
https://files.example.com/films/%C3%A9t%C3%A9/b/1.m4s?Expires=1&Signature=s
#EXTINF:4.0,
/other/2%2B.m4s#t=1
#EXTINF:4.0,
HTTPS://user@FILES.example.com:443/films/3.m4s
#EXT-X-ENDLIST
"""


def read(text: str | bytes, name: str = "films/été/b/film.m3u8", origin: str = ORIGIN) -> Playlist:
    content = text if isinstance(text, bytes) else text.encode()
    return playlist.read(content, name, origin, lambda found: f"local:{quote(found)}")


def refusal(uri: str) -> str:
    with pytest.raises(TransferFailed) as refused:
        read(f"#EXTM3U\n#EXTINF:4,\n{uri}\n")
    return str(refused.value)


def test_every_uri_is_replaced_and_the_rest_is_kept() -> None:
    found = read(MEDIA)
    names = ["films/été/clé + 1.key", "films/été/b/init.mp4", "films/été/b/0.m4s", "films/été/b/1.m4s"]
    assert found.names == [*names, "other/2+.m4s", "films/3.m4s"]
    assert found.playlists == frozenset()
    assert re.findall('local:[^"\n]+', found.text) == [f"local:{quote(name)}" for name in found.names]
    is_changed = re.compile(r"[^#]|#EXT-X-(KEY:METHOD=AES|MAP)")
    assert [line for line in found.text.split("\n") if "local:" not in line] == [
        line for line in MEDIA.split("\n") if not is_changed.match(line)
    ]


def test_variants_and_renditions_are_playlists_and_a_key_is_not() -> None:
    found = read(
        '#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a,URI=",NAME="é, URI=x",URI="sound"\n'
        '#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="c"\n#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI=frames\n'
        '#EXT-X-SESSION-KEY:METHOD=AES-128,URI="a.key"\n#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="a,URI="\nlarge\n',
        "master.m3u8",
    )
    assert found.names == ["sound", "frames", "a.key", "large"]
    assert found.playlists == {"sound", "frames", "large"}
    assert 'GROUP-ID="a,URI=",NAME="é, URI=x",URI="local:sound"' in found.text


@pytest.mark.parametrize("change", [lambda text: "\ufeff" + text, lambda text: text.replace("\n", "\r\n"), str.strip])
def test_marks_and_ends_of_lines_do_not_matter(change: object) -> None:
    assert callable(change)
    assert read(change(MEDIA)).names == read(MEDIA).names


@pytest.mark.parametrize(
    ("uri", "origin"),
    [
        ("https://evil.example/0.ts", "https://evil.example"),
        ("//evil.example/0.ts", "https://evil.example"),
        ("http://files.example.com/0.ts", "http://files.example.com"),
        ("https://files.example.com:444/0.ts", "https://files.example.com"),
        ("https://files.example.com@evil.example/0.ts", "https://evil.example"),
        ("https://files.example.com.evil.example/0.ts", "https://files.example.com.evil.example"),
        ("https://files.example.com\\@evil.example/0.ts", "https://evil.example"),
        ("\thttps://evil.example/0.ts", "https://evil.example"),
        ("data:text/plain,0", "data:"),
        ("skd://key", "skd://key"),
        ("file:///etc/passwd", "file:"),
        ("concat:0.ts|1.ts", "concat:"),
        ("javascript:alert(1)", "javascript:"),
    ],
)
def test_other_origin_is_refused_by_name(uri: str, origin: str) -> None:
    assert f"the playlist names another origin, {origin}: only files of this stack are played" in refusal(uri)


@pytest.mark.parametrize(
    "uri",
    ["https://[", "https://files.example.com:99999/", "https://files.example.com:x/", "//[::1/x", "https://\u2100/"],
)
def test_unreadable_address_is_refused(uri: str) -> None:
    assert "address that cannot be read" in refusal(uri)


@pytest.mark.parametrize(
    "tag",
    [
        'KEY:METHOD=AES-128,URI="{}"',
        'MAP:URI="{}"',
        'MEDIA:TYPE=AUDIO,URI="{}"',
        "PART:URI={}",
        'CONTENT-STEERING:SERVER-URI="{}"',
    ],
)
def test_other_origin_in_a_tag_is_refused(tag: str) -> None:
    with pytest.raises(TransferFailed, match=r"another origin, https://evil[.]example:"):
        read(f"#EXTM3U\n#EXT-X-{tag.format('https://evil.example/x')}\n")


@pytest.mark.parametrize(
    "uri",
    [
        "%2e%2e/0.ts",
        "a/%2E./0.ts",
        "https://files.example.com/a/../0.ts",
        "a/",
        "%00.ts",
        "%0A.ts",
        "https://files.example.com",
        "%2F0.ts",
    ],
)
def test_name_that_no_file_can_have_is_refused(uri: str) -> None:
    assert "no file can have this name" in refusal(uri)


def test_name_in_another_encoding_is_refused() -> None:
    assert "not UTF-8" in refusal("%E9.ts")


def test_dots_lead_to_the_root_at_most() -> None:
    assert read("#EXTM3U\n../../../../../0.ts\n").names == ["0.ts"]


@pytest.mark.parametrize(
    "content",
    [b"", b"0.ts\n", b"<html>", "#EXTM3U\né.ts".encode("latin-1"), b"\x00\x01", b"#EXTM3U8\n", b"\n#EXTM3U\n"],
)
def test_anything_else_is_not_a_playlist(content: bytes) -> None:
    with pytest.raises(TransferFailed, match="not a playlist"):
        read(content)


def test_name_twice_is_one_file() -> None:
    assert read("#EXTM3U\n#EXT-X-BYTERANGE:1@0\na.ts\n#EXT-X-BYTERANGE:1@1\na.ts\n").names == ["films/été/b/a.ts"]


@pytest.mark.parametrize(
    ("name", "expected"), [("a/master.m3u8", True), ("A.M3U", True), ("m3u8", False), ("a.ts", False)]
)
def test_playlists_are_known_by_their_extension(name: str, expected: bool) -> None:
    assert playlist.is_playlist(name) is expected
