"""A user pool, as its users speak with it: no AWS credentials, and no password on the wire."""

from __future__ import annotations

import contextlib
import getpass
import os
import time
import warnings
from collections.abc import Iterator
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnection
from pycognito.aws_srp import AWSSRP
from pycognito.exceptions import ForceChangePasswordException, MFAChallengeException

from private_files.failures import SignInRefused, Unconfigured, Unreachable
from private_files.settings import FLAGS, Settings, variable
from private_files.tokens import Tokens

_BUSY = {"TooManyRequestsException", "LimitExceededException", "ThrottlingException"}


class Cognito:
    """The pool and client of the settings. Every method raises SignInRefused, Unconfigured or Unreachable."""

    def __init__(self, settings: Settings) -> None:
        self._pool_id, self._client_id = settings["UserPoolId"], settings["UserPoolClientId"]
        region = settings["Region"]
        if "_" not in self._pool_id:
            raise Unconfigured(f"UserPoolId ({FLAGS['UserPoolId']}) must look like us-east-1_AbCdEfGhI.")
        with _named_failures():
            self._api = boto3.client(
                "cognito-idp",
                region_name=region,
                endpoint_url=settings.get("AwsEndpointUrl"),
                verify=settings.get("AwsCaBundle"),
                # Signing in needs no AWS credentials, and looking for some can take seconds.
                config=Config(signature_version=UNSIGNED, connect_timeout=10, retries={"total_max_attempts": 2}),
            )

    def sign_in(self, username: str, password: str) -> Tokens:
        """The tokens of a user who proves the password by SRP, and changes it where the pool asks for that."""
        user = AWSSRP(
            username=username, password=password, pool_id=self._pool_id, client_id=self._client_id, client=self._api
        )
        with _named_failures():
            answer = _answer_challenges(user)
            if "AuthenticationResult" not in answer:
                raise SignInRefused(f"Cognito asks for {answer['ChallengeName']}, which this command cannot answer.")
            return _tokens(answer)

    def renew(self, refresh_token: str) -> Tokens:
        """New tokens for the holder of a refresh token, which stays the same."""
        with _named_failures():
            answer = self._api.initiate_auth(
                AuthFlow="REFRESH_TOKEN_AUTH",
                ClientId=self._client_id,
                AuthParameters={"REFRESH_TOKEN": refresh_token},
            )
            return _tokens(answer, refresh_token)

    def revoke(self, refresh_token: str) -> None:
        """Makes the refresh token, and what was got with it, worthless."""
        with _named_failures():
            self._api.revoke_token(Token=refresh_token, ClientId=self._client_id)


def ask_for_password(username: str) -> str:
    """What a person types without echo; raises SignInRefused where there is no terminal."""
    return _ask(f"Password of {username}: ")


def _tokens(answer: Any, refresh_token: str = "") -> Tokens:
    found = answer["AuthenticationResult"]
    expires = time.time() + float(found.get("ExpiresIn", 0))
    return Tokens(str(found["AccessToken"]), expires, str(found.get("RefreshToken") or refresh_token))


def _answer_challenges(user: Any) -> Any:
    try:
        return user.authenticate_user()
    except ForceChangePasswordException:
        return user.set_new_password_challenge(_new_password())
    except MFAChallengeException as challenge:
        return challenge.get_tokens()
    except NotImplementedError as challenge:
        raise SignInRefused(str(challenge)) from None


def _new_password() -> str:
    if given := os.environ.get(variable("--new-password")):
        return given
    password = _ask("This is the first sign-in. New password: ")
    if _ask("Again: ") != password:
        raise SignInRefused("The two passwords differ; the old one still holds.")
    return password


def _ask(question: str) -> str:
    with warnings.catch_warnings():
        # Without this it would read, and show, a password from whatever standard input is.
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return getpass.getpass(question)
        except (getpass.GetPassWarning, EOFError):
            raise SignInRefused(
                f"No terminal answered “{question.strip(' :')}”. A password is read from the environment variable "
                f"{variable('--password')}; a first sign-in needs a terminal, or {variable('--new-password')}."
            ) from None


@contextlib.contextmanager
def _named_failures() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
        if error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500 or code in _BUSY:
            raise Unreachable(f"Cognito is busy or in trouble ({code}: {message}): try again later.") from None
        raise SignInRefused(f"{code}: {message}") from None
    except (HTTPClientError, NoConnection) as error:
        raise Unreachable(f"Cognito does not answer: {error}") from None
    except (BotoCoreError, ValueError) as error:
        raise Unconfigured(f"Cognito cannot be asked: {error}") from None
