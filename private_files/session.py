"""Sessions of signed-in users: tokens in files that only their owner can read, renewed before they expire."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from private_files.failures import SignInRefused, Unconfigured
from private_files.outputs import Outputs
from private_files.tokens import Tokens

if TYPE_CHECKING:
    from private_files.cognito import Cognito

SIGN_IN_AGAIN = "Sign in again: private-files login"
_SECONDS_AHEAD = 60  # a token with less time left might expire in transit


@dataclass
class Session:
    """One user who signed in to one stack; `file` holds the tokens."""

    file: Path
    username: str
    tokens: Tokens
    _renewing: threading.Lock = field(default_factory=threading.Lock)

    def access_token(self, outputs: Outputs) -> str:
        """Return a token that has not expired.

        Raises Unreachable, and SignInRefused if the session has ended.
        """
        with self._renewing:
            if self.tokens.expires < time.time() + _SECONDS_AHEAD:
                from private_files.cognito import Cognito  # noqa: PLC0415 - boto3 is slow to import

                try:
                    self.tokens = Cognito(outputs).renew(self.tokens.refresh)
                except SignInRefused as refused:
                    raise SignInRefused(
                        f"The session of {self.username} has ended ({refused}). {SIGN_IN_AGAIN}"
                    ) from None
                with contextlib.suppress(Unconfigured):  # the token is valid even if it cannot be saved
                    save(self)
            return self.tokens.access

    def end(self, cognito: Cognito) -> None:
        """Delete the tokens here and revoke them in Cognito."""
        self.file.unlink(missing_ok=True)
        cognito.revoke(self.tokens.refresh)


def new(outputs: Outputs, username: str, tokens: Tokens) -> Session:
    """Return the session of a user who has just signed in, not saved yet."""
    return Session(_folder(outputs, os.environ) / f"{_digest(username)}.json", username, tokens)


def find(outputs: Outputs, username: str) -> Session | None:
    """Return the session of this user, or without a name that of the only user signed in to this stack.

    Raises Unconfigured if several users are signed in, or if others can read the file.
    """
    folder = _folder(outputs, os.environ)
    files = [folder / f"{_digest(username)}.json"] if username else sorted(folder.glob("*.json"))
    sessions = [_read(file) for file in files if file.exists()]
    if len(sessions) > 1:
        names = ", ".join(session.username for session in sessions)
        raise Unconfigured(f"Several users are signed in ({names}): choose one with --username.")
    return sessions[0] if sessions else None


def save(session: Session) -> None:
    """Save the session atomically. Raises Unconfigured if the directory cannot be used."""
    try:
        for folder in (session.file.parent.parent, session.file.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _refuse_lax(folder)
        import tempfile  # noqa: PLC0415 - most commands save no session

        descriptor, unfinished = tempfile.mkstemp(dir=session.file.parent)  # with mode 0600
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump({"username": session.username, **session.tokens._asdict()}, file)
        Path(unfinished).replace(session.file)
    except OSError as error:
        raise Unconfigured(f"The session cannot be saved in {session.file.parent}: {error.strerror}.") from None


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
        raise Unconfigured(f"Others can read {path}, which holds tokens: run chmod {wanted:o} {path}, or remove it.")


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Return the folder for what is kept between commands. Raises Unconfigured if there is no home folder."""
    cache = environment.get("XDG_CACHE_HOME") or "~/.cache"  # https://specifications.freedesktop.org/basedir-spec/
    try:
        return Path(cache).expanduser() / "private-files"
    except RuntimeError:
        raise Unconfigured("There is no home folder for sessions: set XDG_CACHE_HOME.") from None


def _folder(outputs: Outputs, environment: Mapping[str, str]) -> Path:
    # Another API or another Cognito endpoint must not get the tokens because it is given with the same pool.
    where = outputs.graphql_url, outputs.aws_endpoint_url, outputs.user_pool_id, outputs.user_pool_client_id
    return cache_folder(environment) / _digest("\n".join(where))


def _digest(text: str) -> str:
    import hashlib  # noqa: PLC0415 - `--help` does not need it

    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
