"""Sign-in: a user of the pool, an API key or AWS credentials."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from private_files import prompts, session
from private_files.failures import SignInRefused
from private_files.graphql_request import ApiKey, Caller, Token
from private_files.outputs import Outputs
from private_files.settings import Settings, graphql_url, required
from private_files.tokens import Tokens


def sign_in(settings: Settings, auth: str | None) -> Caller:
    """Return what authenticates each request: `auth`, or else the API key if there is one, or else a user.

    Raises Unconfigured, SignInRefused or Unreachable.
    """
    outputs = settings.outputs
    match auth or ("api-key" if outputs.api_key else "cognito"):
        case "api-key":
            return ApiKey(required(outputs, "api_key"))
        case "iam":
            region = required(outputs, "region")
            from gql.transport.appsync_auth import AppSyncIAMAuthentication  # noqa: PLC0415 - slow to import, as boto3

            from private_files.aws import caller_credentials  # noqa: PLC0415

            host = urlsplit(graphql_url(outputs)).netloc
            credentials = caller_credentials(own=not settings.implicit)
            return AppSyncIAMAuthentication(host=host, region_name=region, credentials=credentials)
        case _:
            return _user(settings)


def log_in(settings: Settings, code: str = "", *, set_up_authenticator: bool = False) -> session.Session:
    """Sign the user in with the password, and save the session for the next commands.

    `code` is the code of the second factor, if the user has one. Raises Unconfigured, SignInRefused or Unreachable.
    """
    from private_files.cognito import Cognito  # noqa: PLC0415 - boto3 is slow to import

    username, cognito = required(settings, "username"), Cognito(settings.outputs)
    password = settings.password or prompts.password(username)
    signed_in = _save(settings, username, cognito.sign_in(username, password, settings.new_password, code))
    if set_up_authenticator:
        cognito.set_up_authenticator(username, signed_in.tokens)
    return signed_in


def reset_password(settings: Settings, code: str = "") -> session.Session:
    """Set a new password, sign the user in with it, and save the session for the next commands.

    Without `code`, Cognito sends one to the user, who types it. Raises Unconfigured, SignInRefused or Unreachable.
    """
    from private_files.cognito import Cognito  # noqa: PLC0415 - boto3 is slow to import

    username, cognito = required(settings, "username"), Cognito(settings.outputs)
    if not code:
        sent_to = f"Code sent to {cognito.send_reset_code(username)}"
        code = prompts.line(sent_to, "Run the command again with --code and the code.")
    new_password = cognito.reset_password(username, code, settings.new_password)
    try:
        return _save(settings, username, cognito.sign_in(username, new_password))
    except SignInRefused as refused:
        raise SignInRefused(f"The new password is set, but you are not signed in. {refused}") from None


def _save(settings: Settings, username: str, tokens: Tokens) -> session.Session:
    signed_in = session.new(settings.outputs, username, tokens)
    session.save(signed_in)
    return signed_in


class _SessionToken(Token):
    """The access token of a session, renewed when a command runs longer than it is valid.

    A command that runs while the user signs out makes no further request.
    """

    def __init__(self, signed_in: session.Session, outputs: Outputs) -> None:
        super().__init__(signed_in.access_token(outputs))
        self._session, self._outputs = signed_in, outputs

    def get_headers(self, data: str | None = None, headers: dict[str, Any] | None = None) -> dict[str, Any]:
        # The token would be valid for an hour more.
        if not self._session.file.exists():
            raise SignInRefused(f"{self._session.username} has signed out. {session.SIGN_IN_AGAIN}")
        self.token = self._session.access_token(self._outputs)
        return super().get_headers(data, headers)


def _user(settings: Settings) -> Caller:
    if signed_in := session.find(settings.outputs, settings.username):
        try:
            return _SessionToken(signed_in, settings.outputs)
        except SignInRefused:
            if not settings.password:
                raise
    from private_files.cognito import Cognito  # noqa: PLC0415 - boto3 is slow to import

    username, cognito = required(settings, "username"), Cognito(settings.outputs)
    tokens = cognito.sign_in(username, settings.password or prompts.password(username), settings.new_password)
    return Token(tokens.access)
