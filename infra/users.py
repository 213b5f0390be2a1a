"""The users: a Cognito user pool, and the client with which pages and scripts sign in."""

from aws_cdk import Acknowledgment, Duration, RemovalPolicy, Validations
from aws_cdk import aws_cognito as cognito
from constructs import Construct

from infra.config import Config

_MFA = {"off": cognito.Mfa.OFF, "optional": cognito.Mfa.OPTIONAL, "required": cognito.Mfa.REQUIRED}


class Users(Construct):
    """A pool to which only administrators add users, and a client that signs in with SRP: no password on the wire.

    With `user_pool_id`, the existing pool instead: the stack adds only the client.
    """

    def __init__(self, scope: Construct, construct_id: str, *, config: Config) -> None:
        super().__init__(scope, construct_id)
        self.pool: cognito.IUserPool = (
            cognito.UserPool.from_user_pool_id(self, "Pool", config.user_pool_id)
            if config.user_pool_id
            else self._new_pool(config)
        )
        self.client = self.pool.add_client(
            "Client",
            auth_flows=cognito.AuthFlow(user_srp=True),
            generate_secret=False,  # pages and scripts cannot keep a secret
            disable_o_auth=True,
            prevent_user_existence_errors=True,
            enable_token_revocation=True,
            access_token_validity=Duration.hours(1),
            id_token_validity=Duration.hours(1),
            refresh_token_validity=Duration.days(1),
        )

    def _new_pool(self, config: Config) -> cognito.UserPool:
        pool = cognito.UserPool(
            self,
            "Pool",
            self_sign_up_enabled=False,
            sign_in_aliases=cognito.SignInAliases(email=True),
            # Cognito cannot change this later, and an update that tries to fails.
            sign_in_case_sensitive=False if config.ignore_email_case else None,
            auto_verify=cognito.AutoVerifiedAttrs(email=True),
            account_recovery=cognito.AccountRecovery.EMAIL_ONLY,
            password_policy=cognito.PasswordPolicy(
                min_length=12,
                require_lowercase=True,
                require_uppercase=True,
                require_digits=True,
                require_symbols=True,
                temp_password_validity=Duration.days(3),
            ),
            mfa=_MFA[config.mfa],
            mfa_second_factor=None if config.mfa == "off" else cognito.MfaSecondFactor(otp=True, sms=False),
            deletion_protection=config.retain_data,
            removal_policy=RemovalPolicy.RETAIN if config.retain_data else RemovalPolicy.DESTROY,
        )
        threats = Acknowledgment(
            id="AwsSolutions-COG8",
            reason="Threat protection costs extra for each user; there is no sign-up, and tokens are short-lived.",
        )
        Validations.of(pool).acknowledge(threats)
        if config.mfa != "required":
            Validations.of(pool).acknowledge(
                Acknowledgment(
                    id="AwsSolutions-COG2",
                    reason="The setting mfa requires a second factor; scripts that sign in without a person need none.",
                )
            )
        return pool
