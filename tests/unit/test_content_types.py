"""Content types that the function for uploads chooses by the name, and those of the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from private_files import content_types as of_the_client
from resolvers import content_types as of_the_function


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("notes/été.TXT", "text/plain; charset=utf-8"),
        ("data.json", "application/json; charset=utf-8"),
        ("drawing.svg", "image/svg+xml; charset=utf-8"),
        ("page.html", "text/html; charset=utf-8"),
        ("a.tar.gz", "application/gzip"),
        ("photo.JPEG", "image/jpeg"),
        ("video.mp4", "video/mp4"),
        ("film/master.m3u8", "application/vnd.apple.mpegurl"),
        ("film/0.ts", "video/mp2t"),
        ("film/0.m4s", "video/iso.segment"),
        ("film/film.key", "application/octet-stream"),
        ("v1.0/pdf", "application/octet-stream"),
        ("pdf", "application/octet-stream"),
        ("a.", "application/octet-stream"),
        ("a.unheard-of", "application/octet-stream"),
    ],
)
def test_type_is_chosen_by_the_extension(name: str, expected: str) -> None:
    assert of_the_function.content_type(name) == expected


def test_function_and_command_line_choose_the_same_types(tmp_path: Path) -> None:
    (content := tmp_path / "content").write_text("été", encoding="utf-8")
    assert of_the_function.TYPES == of_the_client.TYPES
    for extension in [*of_the_function.TYPES, "unheard-of", ""]:
        for name in (f"a.{extension}", f"b/c.d.{extension.upper()}", extension, f"v1.0/{extension}", f".{extension}"):
            assert of_the_function.content_type(name) == of_the_client.content_type(name, content), name
