"""The tokens of one signed-in user."""

from typing import NamedTuple


class Tokens(NamedTuple):
    """An access token, its expiry in epoch seconds, and the refresh token that gets the next one."""

    access: str
    expires: float
    refresh: str
