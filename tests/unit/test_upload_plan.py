"""How files are sent: sizes, parts, content types and digests that are accepted, and those that are not."""

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolvers.upload_plan import (
    MAX_PARTS,
    MIB,
    SINGLE_REQUEST,
    InvalidContentType,
    InvalidParts,
    InvalidSize,
    check_parts,
    new_file,
    part_length,
    part_size,
)

LARGEST = 5 * 1024**4
DIGEST = base64.b64encode(hashlib.sha256(b"content").digest()).decode()


@given(st.integers(1, LARGEST))
def test_parts_make_up_the_file_within_the_limits_of_s3(size: int) -> None:
    each = part_size(size)
    count = -(-size // each)
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
    assert (count <= 10_000, 5 * MIB <= each <= 5 * 1024 * MIB, each % MIB) == (True, True, 0)
    assert each * (count - 1) + part_length(size, count) == size
    assert 1 <= part_length(size, count) <= each
    assert part_length(size, 1) == min(size, each)
    for part in (0, -1, count + 1):
        with pytest.raises(
            InvalidParts, match=rf"^Part {part} is not one of the {count:,} parts of a file of {size:,} "
        ):
            part_length(size, part)


def test_largest_file_just_fits() -> None:
    assert -(-LARGEST // part_size(LARGEST)) <= MAX_PARTS
    assert part_size(160_000 * MIB) == 16 * MIB
    assert part_size(160_000 * MIB + 1) == 17 * MIB


@pytest.mark.parametrize("size", [0, 1, SINGLE_REQUEST, 10.0])
def test_small_file_is_sent_in_one_request(size: float) -> None:
    assert not new_file("a", size, None, None, LARGEST).in_parts


def test_larger_file_is_sent_in_parts() -> None:
    assert new_file("a", SINGLE_REQUEST + 1, None, None, LARGEST).in_parts


@pytest.mark.parametrize(
    "size",
    [-1, 1.5, float("inf"), float("nan"), 101, pytest.param(10**400, id="huge"), pytest.param(-(10**400), id="-huge")],
)
def test_size_that_is_not_one_of_a_file_is_refused(size: float) -> None:
    with pytest.raises(InvalidSize, match=r"^size must be a whole number of bytes from 0 to 100, not "):
        new_file("a", size, None, None, 100)


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "text/plain",
        "text/plain; charset=utf-8",
        "text/plain \t;\tcharset=utf-8",
        'multipart/form-data; boundary="a b;c"',
        "application/vnd.oasis.opendocument.text",
        "image/svg+xml",
        "a/" + "b" * 253,
    ],
)
def test_content_type_is_accepted(content_type: str | None) -> None:
    assert new_file("a", 1, content_type, None, 100).content_type == (content_type or "application/octet-stream")


@pytest.mark.parametrize(
    "content_type",
    [
        "text",
        "text/",
        "/plain",
        "text/plain;",
        "text/plain\r\nx-amz-acl: public-read",
        "text/plain; a",
        "text/plain;\r\n charset=utf-8",
        "text/plain;\ncharset=utf-8",
        "text/plain\x0b; charset=utf-8",
        "text/plain;\u2028charset=utf-8",
        "text/plain;\xa0charset=utf-8",
        "té/x",
        "a/" + "b" * 254,
    ],
)
def test_what_is_not_a_content_type_is_refused(content_type: str) -> None:
    with pytest.raises(InvalidContentType, match=r"(?s)^contentType must be one such as text/plain, not .+[^.]\.$"):
        new_file("a", 1, content_type, None, 100)


@pytest.mark.parametrize("digest", ["", "abc", DIGEST[:-1], DIGEST + "=", DIGEST.replace(DIGEST[0], "-", 1), "é" * 44])
def test_what_is_not_a_sha256_is_refused(digest: str) -> None:
    with pytest.raises(InvalidContentType, match=r"^sha256 must be the 32 bytes of a SHA-256 in base64\.$"):
        new_file("a", 1, None, digest, 100)


def test_digest_is_for_files_of_one_request() -> None:
    assert new_file("a", 1, None, DIGEST, LARGEST).sha256 == DIGEST
    with pytest.raises(
        InvalidContentType, match=r"^sha256 is for files of up to 16,777,216 bytes, which are not sent in parts\.$"
    ):
        new_file("a", SINGLE_REQUEST + 1, None, DIGEST, LARGEST)


@pytest.mark.parametrize("parts", [[], [1], [2, 1], [1, 1], [1, 2, 3], [0, 1, 2]])
def test_list_of_parts_that_is_not_the_whole_file_is_refused(parts: list[int]) -> None:
    with pytest.raises(InvalidParts, match=r"^parts must be all 2 parts of a file of 16,777,217 bytes"):
        check_parts(SINGLE_REQUEST + 1, parts)


def test_all_parts_in_order_are_accepted() -> None:
    check_parts(SINGLE_REQUEST + 1, [1, 2])
    check_parts(2 * SINGLE_REQUEST, [1, 2])


def test_empty_file_has_one_part() -> None:
    check_parts(0, [1])
    assert part_length(0, 1) == 0
    with pytest.raises(InvalidParts, match=r"^parts must be all 1 parts of a file of 0 bytes, each once"):
        check_parts(0, [])
