"""Sign-in to a Cognito user pool: without AWS credentials, and by SRP, so that the password is never sent."""

from __future__ import annotations

import contextlib
import getpass
import re
import time
import warnings
from collections.abc import Iterator
from typing import Any

from botocore import UNSIGNED
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnection
from botocore.parsers import ResponseParserError
from pycognito.aws_srp import AWSSRP
from pycognito.exceptions import ForceChangePasswordException, MFAChallengeException

from private_files import aws
from private_files.failures import SignInRefused, Unconfigured, Unreachable
from private_files.outputs import Outputs
from private_files.settings import flag, required, variable
from private_files.tokens import Tokens

_BUSY = {"TooManyRequestsException", "LimitExceededException", "ThrottlingException"}

_SPELLING = " The user name must be spelled as it was registered: capital letters can count, also in an e-mail address."
# By code, and by message if only one message of the code is meant; only what is true for every pool.
_ADVICE = {
    "Incorrect username or password.": _SPELLING,
    "UserNotFoundException": _SPELLING,
    "PasswordResetRequiredException": (
        " An administrator reset the password. This program cannot set the new one: use the code that Cognito sent, "
        "with `aws cognito-idp confirm-forgot-password`."
    ),
    "UserNotConfirmedException": " An administrator must confirm the user.",
}


class Cognito:
    """The user pool of a stack. Every method raises SignInRefused, Unconfigured or Unreachable."""

    def __init__(self, outputs: Outputs) -> None:
        self._pool_id, self._client_id = required(outputs, "user_pool_id"), required(outputs, "user_pool_client_id")
        region = required(outputs, "region")
        if "_" not in self._pool_id:
            raise Unconfigured(f"UserPoolId ({flag('user_pool_id')}) must look like us-east-1_AbCdEfGhI.")
        with _named_failures():
            # Signing in needs neither AWS credentials nor any configuration, which may be broken.
            session = aws.session_without_configuration(region)
            self._api = aws.make_client(session, outputs, "cognito-idp", signature_version=UNSIGNED)

    def sign_in(self, username: str, password: str, new_password: str = "") -> Tokens:
        """Return the tokens of a user who signs in by SRP.

        If the pool requires a new password, it becomes `new_password`, or what the user types.
        """
        user = AWSSRP(
            username=username, password=password, pool_id=self._pool_id, client_id=self._client_id, client=self._api
        )
        with _named_failures():
            response = _authenticate(user, new_password)
            if "AuthenticationResult" not in response:
                raise _challenge(str(response.get("ChallengeName", "another step")))
            return _tokens(response)

    def renew(self, refresh_token: str) -> Tokens:
        """Return new tokens for a refresh token, which stays the same."""
        with _named_failures():
            response = self._api.initiate_auth(
                AuthFlow="REFRESH_TOKEN_AUTH",
                ClientId=self._client_id,
                AuthParameters={"REFRESH_TOKEN": refresh_token},
            )
            return _tokens(response, refresh_token)

    def revoke(self, refresh_token: str) -> None:
        """Revoke the refresh token and the tokens that it was used to get."""
        with _named_failures():
            self._api.revoke_token(Token=refresh_token, ClientId=self._client_id)


def prompt_for_password(username: str) -> str:
    """Prompt for a password without echo. Raises SignInRefused if there is no terminal."""
    return _prompt(f"Password of {username}: ")


def _tokens(response: Any, refresh_token: str = "") -> Tokens:
    found = response["AuthenticationResult"]
    expires = time.time() + float(found.get("ExpiresIn", 0))
    return Tokens(str(found["AccessToken"]), expires, str(found.get("RefreshToken") or refresh_token))


def _authenticate(user: Any, new_password: str) -> Any:
    try:
        return user.authenticate_user()
    except ForceChangePasswordException:
        return user.set_new_password_challenge(new_password or _new_password())
    except MFAChallengeException as challenge:
        return challenge.get_tokens()
    except NotImplementedError as challenge:
        found = re.search(r"[A-Z0-9]+(_[A-Z0-9]+)+", str(challenge))
        raise _challenge(found[0] if found else "another step") from None


def _challenge(name: str) -> SignInRefused:
    if name == "NEW_PASSWORD_REQUIRED":
        return SignInRefused("Cognito did not accept the new password.")
    return SignInRefused(
        f"This user must also pass {name} to sign in, such as a second factor, and this program cannot do that: use "
        "another user, an API key, or AWS credentials with --auth iam."
    )


def _new_password() -> str:
    password = _prompt("This is the first sign-in. New password: ")
    if _prompt("Again: ") != password:
        raise SignInRefused("The two passwords differ; the password was not changed.")
    return password


def _prompt(text: str) -> str:
    with warnings.catch_warnings():
        # Without this, getpass would read the password from standard input and show it.
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return getpass.getpass(text)
        except (getpass.GetPassWarning, EOFError):
            raise SignInRefused(
                f"No terminal to prompt for “{text.strip(' :')}”. Set the environment variable {variable('password')}; "
                f"a first sign-in needs a terminal, or {variable('new_password')}."
            ) from None


@contextlib.contextmanager
def _named_failures() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
        if error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500 or code in _BUSY:
            raise Unreachable(f"Cognito is busy or has failed ({code}: {message}): try again later.") from None
        raise SignInRefused(f"{code}: {message}{_ADVICE.get(code) or _ADVICE.get(message, '')}") from None
    except (AttributeError, KeyError, TypeError, ResponseParserError):
        raise Unreachable("Cognito returned an unexpected response: check UserPoolId and the endpoint.") from None
    except (HTTPClientError, NoConnection) as error:
        raise Unreachable(f"Cognito cannot be reached: {error}") from None
    except (BotoCoreError, ValueError) as error:
        raise Unconfigured(f"The Cognito client cannot be set up: {error}") from None
