"""The header that names a download, read back by parsers that know nothing of the code that wrote it."""

import re
from email.message import Message
from email.utils import collapse_rfc2231_value

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from werkzeug.http import parse_options_header

from resolvers.content_disposition import InvalidDownloadName, attachment


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("report.pdf", 'attachment; filename="report.pdf"'),
        ("a b.jpg", 'attachment; filename="a b.jpg"'),
        ("it's; a=b, (1)~!#$&+-.^_`{|}.txt", 'attachment; filename="it\'s; a=b, (1)~!#$&+-.^_`{|}.txt"'),
        ("été.jpg", "attachment; filename=\"_t_.jpg\"; filename*=UTF-8''%C3%A9t%C3%A9.jpg"),
        ('"a".txt', "attachment; filename=\"_a_.txt\"; filename*=UTF-8''%22a%22.txt"),
        ("100%25.jpg", "attachment; filename=\"100_25.jpg\"; filename*=UTF-8''100%2525.jpg"),
        ("é's (1)*.txt", "attachment; filename=\"_'s (1)*.txt\"; filename*=UTF-8''%C3%A9%27s%20%281%29%2A.txt"),
        ("😀", "attachment; filename=\"_\"; filename*=UTF-8''%F0%9F%98%80"),
    ],
)
def test_header_is_the_one_of_rfc_6266(name: str, header: str) -> None:
    assert attachment(name) == header


def by_email(header: str) -> str:
    message = Message()
    message["Content-Disposition"] = header
    name = message.get_param("filename", header="Content-Disposition")
    assert message.get_content_disposition() == "attachment"
    assert name is not None
    return collapse_rfc2231_value(name)


def by_werkzeug(header: str) -> str:
    kind, options = parse_options_header(header)
    assert kind == "attachment"
    return options["filename"]


def can_be_saved(name: str) -> bool:
    """The rule, in other words than the code's."""
    if any("\ud800" <= c <= "\udfff" or c < " " or "\x7f" <= c <= "\x9f" or c in "/\\" for c in name):
        return False
    return bool(set(name) - {".", " "}) and len(name.encode()) <= 255


NAMES = st.one_of(
    st.text(),
    st.text(st.characters()),
    st.text(st.sampled_from("ab .%\"'*;=,é日😀")),
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(NAMES)
@example("UTF-8''a.txt")
@example("a.txt\"; filename*=UTF-8''b.txt")
@example("%41.jpg")
@example("é" * 127 + "a")
@example("é" * 128)
def test_every_name_is_refused_or_comes_back_unchanged(name: str) -> None:
    if not can_be_saved(name):
        with pytest.raises(InvalidDownloadName):
            attachment(name)
        return
    header = attachment(name)
    assert re.fullmatch("[ -~]+", header)
    assert by_werkzeug(header) == name
    if "filename*=" in header:  # its quoted form takes escapes and RFC 2047 words that HTTP does not know
        assert by_email(header.replace(re.search(r' filename="[^"]*";', header)[0], "")) == name  # type: ignore[index]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "is empty"),
        (" ", "nothing but dots and spaces"),
        (".", "nothing but dots and spaces"),
        ("..", "nothing but dots and spaces"),
        (". .", "nothing but dots and spaces"),
        ("a/b.txt", "not a path"),
        ("../a.txt", "not a path"),
        ("a\\b.txt", "not a path"),
        ("a\nb", "a control character"),
        ("a\r\nSet-Cookie: x=1", "a control character"),
        ("a\0", "a control character"),
        ("a\x7f", "a control character"),
        ("a\x85", "a control character"),
        ("a\ud83d", "half of a surrogate pair"),
        ("a" * 256, "256 bytes long; file systems allow at most 255"),
        ("é" * 128, "256 bytes long; file systems allow at most 255"),
    ],
    ids=lambda part: ascii(part)[:20],
)
def test_name_that_no_browser_saves_is_refused_with_its_reason(name: str, reason: str) -> None:
    with pytest.raises(InvalidDownloadName) as refused:
        attachment(name)
    assert reason in str(refused.value)
    assert str(refused.value).isprintable()


@pytest.mark.parametrize("name", ["a" * 255, "é" * 127 + "a"], ids=["ascii", "2-byte"])
def test_longest_name_is_saved(name: str) -> None:
    assert by_werkzeug(attachment(name)) == name
