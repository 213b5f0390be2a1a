"""What an authenticator app needs to know to show codes (TOTP, RFC 6238)."""

from __future__ import annotations

from urllib.parse import quote

ISSUER = "Private Files"


def uri(secret: str, username: str) -> str:
    """Return the URI that authenticator apps open: https://github.com/google/google-authenticator/wiki/Key-Uri-Format"""
    label = f"{quote(ISSUER)}:{quote(username, safe='@')}"
    return f"otpauth://totp/{label}?secret={quote(secret)}&issuer={quote(ISSUER)}"


def instructions(secret: str, username: str) -> list[str]:
    """Return lines for the terminal: the secret, and the URI."""
    return [
        "Add this account to an authenticator app: type the secret, or open the URI on the device that has the app.",
        f"  Secret: {secret}",
        f"  URI:    {uri(secret, username)}",
    ]
