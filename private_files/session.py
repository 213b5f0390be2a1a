"""Who is signed in: tokens in a file that nobody else may read, renewed before they expire."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from private_files.failures import SignInRefused, Unconfigured
from private_files.settings import Settings
from private_files.tokens import Tokens

if TYPE_CHECKING:
    from private_files.cognito import Cognito

SIGN_IN_AGAIN = "Sign in again: private-files login"
_SECONDS_AHEAD = 60  # a token that expires sooner might do so on the way
# To whom the tokens may be sent. Another API, or another Cognito, must not get them by being named with the same pool.
_WHERE = ("GraphqlUrl", "AwsEndpointUrl", "UserPoolId", "UserPoolClientId")


@dataclass
class Session:
    """One user who signed in to one stack; `file` is where the tokens are."""

    file: Path
    username: str
    tokens: Tokens
    _renewing: threading.Lock = field(default_factory=threading.Lock)

    def access_token(self, settings: Settings) -> str:
        """A token that has not expired; raises SignInRefused where only a password can get one, or Unreachable."""
        with self._renewing:
            if self.tokens.expires < time.time() + _SECONDS_AHEAD:
                from private_files.cognito import Cognito  # noqa: PLC0415 - boto3 takes as long to load as all the rest

                try:
                    self.tokens = Cognito(settings).renew(self.tokens.refresh)
                except SignInRefused as refused:
                    raise SignInRefused(
                        f"The session of {self.username} has ended ({refused}). {SIGN_IN_AGAIN}"
                    ) from None
                with contextlib.suppress(Unconfigured):  # the token serves this command; the next one gets its own
                    save(self)
            return self.tokens.access

    def end(self, cognito: Cognito) -> None:
        """Forgets the tokens here, and has Cognito revoke them."""
        self.file.unlink(missing_ok=True)
        cognito.revoke(self.tokens.refresh)


def new(settings: Settings, username: str, tokens: Tokens) -> Session:
    """The session of a user who has just signed in, not saved yet."""
    return Session(_folder(settings, os.environ) / f"{_digest(username)}.json", username, tokens)


def find(settings: Settings) -> Session | None:
    """The session of the user in the settings, or of the only one who is signed in to this stack.

    Raises Unconfigured where several are, or where others may read the file.
    """
    folder, username = _folder(settings, os.environ), settings.get("Username")
    files = [folder / f"{_digest(username)}.json"] if username else sorted(folder.glob("*.json"))
    sessions = [_read(file) for file in files if file.exists()]
    if len(sessions) > 1:
        names = ", ".join(session.username for session in sessions)
        raise Unconfigured(f"Several users are signed in ({names}): say which with --username.")
    return sessions[0] if sessions else None


def save(session: Session) -> None:
    """Writes the session whole, or not at all; raises Unconfigured where the directory cannot be used."""
    try:
        for folder in (session.file.parent.parent, session.file.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _refuse_lax(folder)
        descriptor, unfinished = tempfile.mkstemp(dir=session.file.parent)  # with mode 0600
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump({"username": session.username, **session.tokens._asdict()}, file)
        Path(unfinished).replace(session.file)
    except OSError as error:
        raise Unconfigured(f"The session cannot be kept in {session.file.parent}: {error.strerror}.") from None


def _read(file: Path) -> Session:
    try:
        _refuse_lax(file.parent)
        _refuse_lax(file)
        found = json.loads(file.read_text(encoding="utf-8"))
        tokens = Tokens(str(found["access"]), float(found["expires"]), str(found["refresh"]))
        return Session(file, str(found["username"]), tokens)
    except OSError as error:
        raise Unconfigured(f"The session in {file} cannot be read: {error.strerror}.") from None
    except (ValueError, KeyError, TypeError):
        raise Unconfigured(f"The session in {file} is damaged. {SIGN_IN_AGAIN}") from None


def _refuse_lax(path: Path) -> None:
    found = path.lstat()
    wanted = 0o700 if stat.S_ISDIR(found.st_mode) else 0o600
    if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & ~wanted or stat.S_ISLNK(found.st_mode):
        raise Unconfigured(f"Others may read {path}, which holds tokens: chmod {wanted:o} {path}, or remove it.")


def _folder(settings: Settings, environment: Mapping[str, str]) -> Path:
    cache = environment.get("XDG_CACHE_HOME") or "~/.cache"  # https://specifications.freedesktop.org/basedir-spec/
    where = _digest("\n".join(settings.get(name) or "" for name in _WHERE))
    return Path(cache).expanduser() / "private-files" / where


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
