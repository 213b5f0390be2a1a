"""Who asks: a user of the pool, the holder of an API key, or an AWS identity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from gql.transport.appsync_auth import (
    AppSyncApiKeyAuthentication,
    AppSyncAuthentication,
    AppSyncIAMAuthentication,
    AppSyncJWTAuthentication,
)

from private_files import session
from private_files.failures import SignInRefused, Unconfigured
from private_files.settings import Settings

if TYPE_CHECKING:
    from botocore.credentials import Credentials


def sign_in(settings: Settings, auth: str | None) -> AppSyncAuthentication:
    """What proves, request by request, who asks: by an API key where there is one, else by Cognito, unless `auth` says.

    Raises Unconfigured, SignInRefused or Unreachable.
    """
    host = urlsplit(settings.graphql_url).netloc
    match auth or ("api-key" if settings.get("ApiKey") else "cognito"):
        case "api-key":
            return AppSyncApiKeyAuthentication(host=host, api_key=settings["ApiKey"])
        case "iam":
            return AppSyncIAMAuthentication(host=host, region_name=settings["Region"], credentials=_aws_credentials())
        case _:
            return _user(settings, host)


def log_in(settings: Settings) -> session.Session:
    """A new session of the user in the settings, who proves the password, kept for the commands to come."""
    from private_files.cognito import Cognito, ask_for_password  # noqa: PLC0415 - boto3 takes as long to load as all the rest

    username, cognito = settings["Username"], Cognito(settings)
    signed_in = session.new(
        settings, username, cognito.sign_in(username, settings.get("Password") or ask_for_password(username))
    )
    session.save(signed_in)
    return signed_in


class _SessionAuthentication(AppSyncJWTAuthentication):
    """The token of a session, which is renewed where a download outlives it."""

    def __init__(self, host: str, signed_in: session.Session, settings: Settings) -> None:
        super().__init__(host=host, jwt=signed_in.access_token(settings))
        self._session, self._settings = signed_in, settings

    def get_headers(self, data: str | None = None, headers: dict[str, Any] | None = None) -> dict[str, Any]:
        self.jwt = self._session.access_token(self._settings)
        return super().get_headers(data, headers)


def _user(settings: Settings, host: str) -> AppSyncAuthentication:
    password = settings.get("Password")
    if signed_in := session.find(settings):
        try:
            return _SessionAuthentication(host, signed_in, settings)
        except SignInRefused:
            if not password:
                raise
    from private_files.cognito import Cognito, ask_for_password  # noqa: PLC0415 - as above

    username, cognito = settings["Username"], Cognito(settings)
    tokens = cognito.sign_in(username, password or ask_for_password(username))
    return AppSyncJWTAuthentication(host=host, jwt=tokens.access)


def _aws_credentials() -> Credentials:
    import boto3  # noqa: PLC0415 - as above
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415

    try:
        credentials = boto3.Session().get_credentials()
        if credentials is None:
            raise Unconfigured("There are no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and its secret.")
        credentials.get_frozen_credentials()
    except BotoCoreError as error:
        raise SignInRefused(f"The AWS credentials cannot be used: {error}") from None
    return credentials
