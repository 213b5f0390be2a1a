"""Who asks: a user of the pool, the holder of an API key, or an AWS identity."""

from __future__ import annotations

import getpass
import warnings
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnection
from gql.transport.appsync_auth import (
    AppSyncApiKeyAuthentication,
    AppSyncAuthentication,
    AppSyncIAMAuthentication,
    AppSyncJWTAuthentication,
)
from pycognito.aws_srp import AWSSRP
from pycognito.exceptions import ForceChangePasswordException, MFAChallengeException

from clients.failures import SignInRefused, Unconfigured, Unreachable
from clients.settings import FLAGS, Settings, variable

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
            return AppSyncJWTAuthentication(host=host, jwt=cognito_token(settings))


def cognito_token(settings: Settings) -> str:
    """An access token of the user, who proves the password by SRP without sending it."""
    pool_id, client_id, region = settings["UserPoolId"], settings["UserPoolClientId"], settings["Region"]
    username = settings["Username"]
    if "_" not in pool_id:
        raise Unconfigured(f"UserPoolId ({FLAGS['UserPoolId']}) must look like us-east-1_AbCdEfGhI.")
    password = settings.get("Password") or _ask(f"Password of {username}: ")
    try:
        cognito = boto3.client(
            "cognito-idp",
            region_name=region,
            endpoint_url=settings.get("AwsEndpointUrl"),
            verify=settings.get("AwsCaBundle"),
            # Signing in needs no AWS credentials, and looking for some can take seconds.
            config=Config(signature_version=UNSIGNED, connect_timeout=10, retries={"total_max_attempts": 2}),
        )
        user = AWSSRP(username=username, password=password, pool_id=pool_id, client_id=client_id, client=cognito)
        return _access_token(user)
    except ClientError as error:
        raise SignInRefused(f"{error.response['Error']['Code']}: {error.response['Error']['Message']}") from None
    except (HTTPClientError, NoConnection) as error:
        raise Unreachable(f"Cognito does not answer: {error}") from None
    except (BotoCoreError, ValueError) as error:
        raise Unconfigured(f"Cognito cannot be asked: {error}") from None


def _access_token(user: Any) -> str:
    try:
        answer = user.authenticate_user()
    except ForceChangePasswordException:
        answer = user.set_new_password_challenge(_ask_for_a_new_password())
    except MFAChallengeException as challenge:
        answer = challenge.get_tokens()
    except NotImplementedError as challenge:
        raise SignInRefused(str(challenge)) from None
    if "AuthenticationResult" not in answer:
        raise SignInRefused(f"Cognito asks for {answer['ChallengeName']}, which this command cannot answer.")
    return str(answer["AuthenticationResult"]["AccessToken"])


def _ask_for_a_new_password() -> str:
    password = _ask("This is the first sign-in. New password: ")
    if _ask("Again: ") != password:
        raise SignInRefused("The two passwords differ; the old one still holds.")
    return password


def _ask(question: str) -> str:
    """What a person types on the terminal, without echo; raises SignInRefused where there is none."""
    with warnings.catch_warnings():
        # Without this it would read, and show, a password from whatever standard input is.
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return getpass.getpass(question)
        except (getpass.GetPassWarning, EOFError):
            raise SignInRefused(
                f"No terminal answered “{question.strip(' :')}”. A password is read from the environment variable "
                f"{variable('--password')}; a first sign-in needs a terminal."
            ) from None


def _aws_credentials() -> Credentials:
    try:
        credentials = boto3.Session().get_credentials()
        if credentials is None:
            raise Unconfigured("There are no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and its secret.")
        credentials.get_frozen_credentials()
    except BotoCoreError as error:
        raise SignInRefused(f"The AWS credentials cannot be used: {error}") from None
    return credentials
