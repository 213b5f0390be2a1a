"""Masking: a signed URL in any text, encoded any number of times, leaves messages and logs without its secrets."""

from __future__ import annotations

from urllib.parse import quote, unquote

from fuzz.choices import Choices
from private_files import shown_text
from resolvers.quoting import MAX_LENGTH, masked, quoted

SECRET = "S3CR3T"  # noqa: S105 - what no output may show
LETTERS = ["a", "Z", "0", "-", "_", "~", "x" * 9]
NAMES = ["Signature", "signature", "SIGNATURE", "X-Amz-Signature", "CloudFront-Signature"]
OTHER_NAMES = ["Policy", "Key-Pair-Id", "X-Amz-Credential", "X-Amz-Security-Token", "CloudFront-Policy"]
AROUND = [
    "https://files.example.com/a.pdf", "?", "&", "&amp;", "Expires=1800000000", "&Hash-Algorithm=SHA256", "a", " ",
    '"', "'", "<", ">", "=", "%", "%3D", "%26", "%25", "%2", "\n", "é", "\x1b[31m", "policy", "signature",
    "Signature=", "…", ";", ": ", "Key-Pair-Id", "(", ")", "#", "/", "\x00", "\u202e", "x" * 80,
]  # fmt: skip


def check(choices: Choices) -> None:
    of_client = choices.flag()
    name = choices.pick(NAMES if of_client else [*NAMES, *OTHER_NAMES])
    value = SECRET + choices.text(LETTERS, 6)
    before, after = choices.text(AROUND, 6), choices.text(AROUND, 6)
    # What follows in the URL: after a value, another parameter, or what ends it.
    text = f"{name}={value}" + ("&" + after if after else "")
    for _ in range(choices.number(0, 4)):
        text = quote(text, safe=choices.pick(["", "~", "-_~"]))
    text = before + text
    if of_client:
        shown = [shown_text.masked(text), shown_text.one_line(text)]
        assert shown[1].isprintable()
        assert shown_text.is_signed_url(f"https://x/?{name}={value}") == (not name.startswith("CloudFront"))
    else:
        shown = [masked(text), quoted(text)]
        assert shown[1].isprintable()
        assert len(shown[1]) <= 10 * MAX_LENGTH + 3
    for each in shown:
        assert SECRET not in _decoded(each), text
        # Masked once is masked for good, so a log of a message shows no more than the message.
        assert SECRET not in _decoded(masked(shown_text.masked(each)))
    _check_untouched(choices)


def _check_untouched(choices: Choices) -> None:
    plain = choices.text(["a", " ", "é", "&", "%", "%26", "?", "signature", "policy", "/", "Expires"], 8)
    assert masked(plain) == plain
    assert shown_text.masked(plain) == plain


def _decoded(text: str) -> str:
    """Return the text percent-decoded until nothing changes: a reader can do that, too."""
    while (decoded := unquote(text, errors="replace")) != text:
        text = decoded
    return text
