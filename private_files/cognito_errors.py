"""What Cognito's errors mean for a user: one sentence each, and what to do now."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnection
from botocore.parsers import ResponseParserError

from private_files.failures import SignInRefused, Unconfigured, Unreachable

_BUSY = {"TooManyRequestsException", "ThrottlingException"}
_RESET = "private-files reset-password"
_SPELLING = (
    " The user name must be spelled as it was registered: capital letters can count, also in an e-mail address. If you "
    f"forgot the password: {_RESET}"
)
_NEW_CODE = f" Request a new code: {_RESET}"
_TOO_LATE = " A sign-in must be finished within minutes. Sign in again: private-files login"
_ADMINISTRATOR = " Ask an administrator of the user pool to set a new password."
# By code, or by message if only one message of the code is meant; only what is true for every pool.
_ADVICE = {
    "Incorrect username or password.": _SPELLING,
    "UserNotFoundException": _SPELLING,
    "Password attempts exceeded": " Wait 15 minutes, and sign in again.",
    "User is disabled.": " An administrator must enable the user.",
    "Invalid session for the user.": _TOO_LATE,
    "Invalid session for the user, session is expired.": _TOO_LATE,
    "User password cannot be reset in the current state.": (
        " Sign in with the temporary password from the invitation, or ask an administrator to send a new invitation."
    ),
    "Temporary password has expired and must be reset by an administrator.": (
        " Ask an administrator to send a new invitation."
    ),
    "User account has expired, it must be reset by an administrator.": (
        " Ask an administrator to send a new invitation."
    ),
    "Cannot reset password for the user as there is no registered/verified email or phone_number": _ADMINISTRATOR,
    "CodeDeliveryFailureException": " The code could not be sent: try again later." + _ADMINISTRATOR,
    "Your software token has already been used once.": (
        " Wait until the authenticator app shows another code, and sign in again."
    ),
    "CodeMismatchException": " The code is wrong: check it, and the clock of the device that showed it.",
    "EnableSoftwareTokenMFAException": " The code is wrong: check it, and the clock of the device that showed it.",
    "ExpiredCodeException": _NEW_CODE,
    "InvalidPasswordException": " Choose another password.",
    "PasswordHistoryPolicyViolationException": " Choose a password that you have not used before.",
    "PasswordResetRequiredException": f" Set a new one with the code that Cognito sent: {_RESET}",
    "UserNotConfirmedException": " An administrator must confirm the user.",
    "LimitExceededException": " Too many attempts: wait an hour, and try again.",
    "TooManyFailedAttemptsException": " Wait 15 minutes, and try again.",
    "SoftwareTokenMFANotFoundException": " An administrator must turn the second factor of this user off.",
    "MFAMethodNotFoundException": " An administrator must correct the second factor of this user.",
}


def sentence(error: ClientError) -> str:
    """Return the error of Cognito, and what to do now."""
    code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
    return f"{code}: {message}{_ADVICE.get(message) or _ADVICE.get(code, '')}"


@contextlib.contextmanager
def named_failures() -> Iterator[None]:
    """Raise SignInRefused, Unconfigured or Unreachable instead of what botocore and odd responses raise."""
    try:
        yield
    except ClientError as error:
        code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
        if error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500 or code in _BUSY:
            raise Unreachable(f"Cognito is busy or has failed ({code}: {message}): try again later.") from None
        if code == "LimitExceededException":
            raise Unreachable(sentence(error)) from None
        raise SignInRefused(sentence(error)) from None
    except UnicodeEncodeError:
        raise SignInRefused("The user name or the password is not valid UTF-8: set it again.") from None
    except (AttributeError, KeyError, TypeError, json.JSONDecodeError, ResponseParserError):
        raise Unreachable("Cognito returned an unexpected response: check UserPoolId and the endpoint.") from None
    except (HTTPClientError, NoConnection) as error:
        raise Unreachable(f"Cognito cannot be reached: {error}") from None
    except (BotoCoreError, ValueError) as error:
        raise Unconfigured(f"The Cognito client cannot be set up: {error}") from None
