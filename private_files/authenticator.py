"""What an authenticator app needs to know to show codes (TOTP, RFC 6238)."""

from __future__ import annotations

import io
from urllib.parse import quote

ISSUER = "Private Files"


def uri(secret: str, username: str) -> str:
    """Return the URI that authenticator apps open: https://github.com/google/google-authenticator/wiki/Key-Uri-Format"""
    label = f"{quote(ISSUER)}:{quote(username, safe='@')}"
    return f"otpauth://totp/{label}?secret={quote(secret)}&issuer={quote(ISSUER)}"


def instructions(secret: str, username: str, encoding: str) -> list[str]:
    """Return lines for a terminal with this encoding: a QR code if it has the characters, the secret, and the URI."""
    link = uri(secret, username)
    code = qr_code(link)
    try:
        "".join(code).encode(encoding)
    except (UnicodeEncodeError, LookupError):
        code = []
    return [
        "Add this account to an authenticator app: scan the code, or type the secret.",
        *code,
        f"  Secret: {secret}",
        f"  URI:    {link}",
    ]


def qr_code(text: str) -> list[str]:
    """Return the QR code of a text as lines, each with two rows of modules; the light ones are drawn."""
    import segno  # noqa: PLC0415 - only the set-up of an app needs it

    drawn = io.StringIO()
    segno.make(text, error="l", micro=False).terminal(drawn, compact=True)
    return drawn.getvalue().splitlines()
