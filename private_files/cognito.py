"""Sign-in to a Cognito user pool: without AWS credentials, and by SRP, so that the password is never sent."""

from __future__ import annotations

import time
from typing import Any

from botocore import UNSIGNED
from pycognito.aws_srp import AWSSRP

from private_files import aws, prompts
from private_files.challenges import Challenges, attempt, digits, set_up_authenticator
from private_files.cognito_errors import named_failures
from private_files.failures import Unconfigured
from private_files.outputs import Outputs
from private_files.settings import flag, required
from private_files.tokens import Tokens


class Cognito:
    """The user pool of a stack. Every method raises SignInRefused, Unconfigured or Unreachable."""

    def __init__(self, outputs: Outputs) -> None:
        self._pool_id, self._client_id = required(outputs, "user_pool_id"), required(outputs, "user_pool_client_id")
        region = required(outputs, "region")
        if "_" not in self._pool_id:
            raise Unconfigured(f"UserPoolId ({flag('user_pool_id')}) must look like us-east-1_AbCdEfGhI.")
        with named_failures():
            # Signing in needs neither AWS credentials nor any configuration, which may be broken.
            session = aws.session_without_configuration(region)
            self._api = aws.make_client(session, outputs, "cognito-idp", signature_version=UNSIGNED)

    def sign_in(self, username: str, password: str, new_password: str = "", code: str = "") -> Tokens:
        """Return the tokens of a user who signs in by SRP.

        If the pool requires a new password, it becomes `new_password`, or what the user types; `code` is the first code
        that the pool requires, and the user types any other.
        """
        user = AWSSRP(
            username=username, password=password, pool_id=self._pool_id, client_id=self._client_id, client=self._api
        )
        with named_failures():
            parameters = user.get_auth_params()
            response = self._api.initiate_auth(
                AuthFlow="USER_SRP_AUTH", AuthParameters=parameters, ClientId=self._client_id
            )
            user_id = username
            if response["ChallengeName"] == "PASSWORD_VERIFIER":
                proof = user.process_challenge(response["ChallengeParameters"], parameters)
                user_id = proof["USERNAME"]
                response = self._api.respond_to_auth_challenge(
                    ClientId=self._client_id, ChallengeName="PASSWORD_VERIFIER", ChallengeResponses=proof
                )
            challenges = Challenges(self._api, self._client_id, username, user_id, new_password, code)
            return _tokens(challenges.finish(response))

    def send_reset_code(self, username: str) -> str:
        """Send the user a code to set a new password, and return where it was sent, such as `m***@e***`."""
        with named_failures():
            response = self._api.forgot_password(ClientId=self._client_id, Username=username)
            return str(response["CodeDeliveryDetails"]["Destination"])

    def reset_password(self, username: str, code: str, new_password: str) -> str:
        """Set a new password with the code that was sent, and return it. Without `new_password`, the user types one."""

        def confirm(password: str) -> str:
            self._api.confirm_forgot_password(
                ClientId=self._client_id, Username=username, ConfirmationCode=digits(code), Password=password
            )
            return password

        with named_failures():
            return str(attempt(confirm, new_password, lambda: prompts.new_password("")))

    def set_up_authenticator(self, username: str, tokens: Tokens) -> None:
        """Set up an authenticator app for a user who is signed in; from then on Cognito demands its code."""
        with named_failures():
            set_up_authenticator(self._api, username, "", AccessToken=tokens.access)
            enabled = {"Enabled": True, "PreferredMfa": True}
            self._api.set_user_mfa_preference(AccessToken=tokens.access, SoftwareTokenMfaSettings=enabled)

    def renew(self, refresh_token: str) -> Tokens:
        """Return new tokens for a refresh token, which stays the same."""
        with named_failures():
            response = self._api.initiate_auth(
                AuthFlow="REFRESH_TOKEN_AUTH",
                ClientId=self._client_id,
                AuthParameters={"REFRESH_TOKEN": refresh_token},
            )
            return _tokens(response, refresh_token)

    def revoke(self, refresh_token: str) -> None:
        """Revoke the refresh token and the tokens that it was used to get."""
        with named_failures():
            self._api.revoke_token(Token=refresh_token, ClientId=self._client_id)


def _tokens(response: Any, refresh_token: str = "") -> Tokens:
    found = response["AuthenticationResult"]
    expires = time.time() + float(found.get("ExpiresIn", 0))
    return Tokens(str(found["AccessToken"]), expires, str(found.get("RefreshToken") or refresh_token))
