"""Sign-in: a user of the pool, an API key or AWS credentials."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from gql.transport.appsync_auth import (
    AppSyncApiKeyAuthentication,
    AppSyncAuthentication,
    AppSyncIAMAuthentication,
    AppSyncJWTAuthentication,
)

from private_files import session
from private_files.failures import SignInRefused
from private_files.outputs import Outputs
from private_files.settings import Settings, graphql_url, required


def sign_in(settings: Settings, auth: str | None) -> AppSyncAuthentication:
    """Return what authenticates each request: `auth`, or else the API key if there is one, or else a user.

    Raises Unconfigured, SignInRefused or Unreachable.
    """
    outputs = settings.outputs
    host = urlsplit(graphql_url(outputs)).netloc
    match auth or ("api-key" if outputs.api_key else "cognito"):
        case "api-key":
            return AppSyncApiKeyAuthentication(host=host, api_key=required(outputs, "api_key"))
        case "iam":
            region = required(outputs, "region")
            from private_files.aws import caller_credentials  # noqa: PLC0415 - boto3 is slow to import

            credentials = caller_credentials(own=not settings.implicit)
            return AppSyncIAMAuthentication(host=host, region_name=region, credentials=credentials)
        case _:
            return _user(settings, host)


def log_in(settings: Settings) -> session.Session:
    """Sign the user in with the password, and save the session for the next commands."""
    from private_files.cognito import Cognito, prompt_for_password  # noqa: PLC0415 - boto3 is slow to import

    username, cognito = required(settings, "username"), Cognito(settings.outputs)
    tokens = cognito.sign_in(username, settings.password or prompt_for_password(username), settings.new_password)
    signed_in = session.new(settings.outputs, username, tokens)
    session.save(signed_in)
    return signed_in


class _SessionAuthentication(AppSyncJWTAuthentication):
    """The access token of a session, renewed when a command runs longer than it is valid."""

    def __init__(self, host: str, signed_in: session.Session, outputs: Outputs) -> None:
        super().__init__(host=host, jwt=signed_in.access_token(outputs))
        self._session, self._outputs = signed_in, outputs

    def get_headers(self, data: str | None = None, headers: dict[str, Any] | None = None) -> dict[str, Any]:
        self.jwt = self._session.access_token(self._outputs)
        return super().get_headers(data, headers)


def _user(settings: Settings, host: str) -> AppSyncAuthentication:
    if signed_in := session.find(settings.outputs, settings.username):
        try:
            return _SessionAuthentication(host, signed_in, settings.outputs)
        except SignInRefused:
            if not settings.password:
                raise
    from private_files.cognito import Cognito, prompt_for_password  # noqa: PLC0415 - boto3 is slow to import

    username, cognito = required(settings, "username"), Cognito(settings.outputs)
    tokens = cognito.sign_in(username, settings.password or prompt_for_password(username), settings.new_password)
    return AppSyncJWTAuthentication(host=host, jwt=tokens.access)
