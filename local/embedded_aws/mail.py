"""The e-mails that the emulator's Cognito would send: lines of a file that only its owner can read."""

from __future__ import annotations

import os
from datetime import datetime

MAIL_VARIABLE = "PRIVATE_FILES_MAIL"  # names the file


def deliver(address: str, text: str) -> None:
    """Append the text for this address, or do nothing without a file."""
    if file := os.environ.get(MAIL_VARIABLE):
        with open(file, "a", encoding="utf-8", opener=_private) as mail:
            mail.write(f"{datetime.now():%H:%M:%S}  {address}  {text}\n")


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
