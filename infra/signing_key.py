"""The keys that sign URLs: minted in the account, private half in SSM, public half in CloudFront's key group.

A generation is a construct id. CloudFront's public keys are immutable, so a new key is a new generation and never an
update of an old one. Generations are oldest → newest: all verify, and the newest signs once every edge knows it.
"""

from collections.abc import Sequence

from aws_cdk import Acknowledgment, ArnFormat, CustomResource, Duration, RemovalPolicy, Stack, Validations
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.config import Config, KeyGeneration
from infra.functions import Functions
from resolvers import settings


class SigningKey(Construct):
    """The key group that CloudFront trusts, and the private key that signs."""

    def __init__(self, scope: Construct, construct_id: str, *, config: Config, functions: Functions) -> None:
        super().__init__(scope, construct_id)
        # A key apart from the files': whoever may decrypt a file must not be able to decrypt what signs its URL.
        # Nothing that it encrypts outlives the stack, so neither does the key.
        self._encryption_key = kms.Key(
            self,
            "EncryptionKey",
            description="Encrypts the private keys that sign URLs",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self._parameters = f"/{config.stack_name}/signing-keys"
        self._mint = functions.add(
            "MintFunction",
            handler="mint_key",
            cryptography=True,
            settings=settings.MintSettings(encryption_key_id=self._encryption_key.key_id),
            timeout=Duration.minutes(1),
        )
        self._grant_mint()
        self._settling = str(config.key_settling)
        public_keys, pairs = zip(*map(self._generation, config.key_generations), strict=True)
        rotation = self._rotation_check(config, functions, pairs)
        self.group = cloudfront.KeyGroup(self, "Group", items=list(public_keys))
        # No key leaves the group before the check has let it.
        self.group.node.add_dependency(rotation)
        self.signing_keys = settings.SigningKeys(
            tuple(
                settings.SigningKey(
                    key_id=public_key.public_key_id,
                    signs_from=pair.get_att_string("SignsFrom"),
                    algorithm=generation.algorithm,
                    parameter=self._parameter_name(generation),
                )
                for generation, public_key, pair in zip(config.key_generations, public_keys, pairs, strict=True)
            )
        )

    def grant_sign(self, function: lambda_.Function) -> None:
        """Allows reading the private keys that sign, and nothing else that is in SSM or under their KMS key."""
        for key in self.signing_keys.keys:
            self._allow(function, ["ssm:GetParameter"], self._arn(key.parameter))
            self._allow_key(function, "kms:Decrypt", self._arn(key.parameter))
        # The function may sign with a key only once the group holds it.
        function.node.add_dependency(self.group)

    def _generation(self, generation: KeyGeneration) -> tuple[cloudfront.PublicKey, CustomResource]:
        scope = Construct(self, f"Generation-{generation.name}")
        pair = CustomResource(
            scope,
            "Pair",
            service_token=self._mint.function_arn,
            resource_type="Custom::SigningKeyPair",
            # How long CloudFormation waits, should the function be unable to answer at all.
            service_timeout=Duration.minutes(5),
            properties={
                "ParameterName": self._parameter_name(generation),
                "Algorithm": generation.algorithm,
                "SettlingSeconds": self._settling,
            },
        )
        # The grants, which must be there before the function runs and until it has cleaned up.
        pair.node.add_dependency(self._mint.role)
        return cloudfront.PublicKey(scope, "Public", encoded_key=pair.get_att_string("PublicKeyPem")), pair

    def _rotation_check(self, config: Config, functions: Functions, pairs: Sequence[CustomResource]) -> CustomResource:
        check = functions.add(
            "RotationFunction", handler="rotation_check", settings=settings.NoSettings(), timeout=Duration.minutes(1)
        )
        self._allow(check, ["cloudformation:DescribeStacks"], Stack.of(self).stack_id)
        rotation = CustomResource(
            self,
            "Rotation",
            service_token=check.function_arn,
            resource_type="Custom::SigningKeyRotation",
            service_timeout=Duration.minutes(5),
            properties={
                "Generations": [
                    {"Name": generation.name, "SignsFrom": pair.get_att_string("SignsFrom")}
                    for generation, pair in zip(config.key_generations, pairs, strict=True)
                ],
                "LongestUrlSeconds": str(config.longest_url),
                "SettlingSeconds": self._settling,
                "Revoked": config.revoked,
            },
        )
        rotation.node.add_dependency(check.role)
        return rotation

    def _parameter_name(self, generation: KeyGeneration) -> str:
        return f"{self._parameters}/{generation.name}"

    def _grant_mint(self) -> None:
        parameters = self._arn(f"{self._parameters}/*")
        # It can write a key and never read one back: what it needs to answer again is in the tags.
        actions = ["ssm:PutParameter", "ssm:AddTagsToResource", "ssm:ListTagsForResource", "ssm:DeleteParameter"]
        self._allow(self._mint, actions, parameters)
        self._allow_key(self._mint, "kms:Encrypt", parameters)
        Validations.of(self._mint.role or self._mint).acknowledge(
            Acknowledgment(
                id=f"AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:ssm:<AWS::Region>:<AWS::AccountId>:parameter{self._parameters}/*]",
                reason="One function mints every generation of this stack's keys; they are all under this path.",
            )
        )

    def _allow(self, grantee: iam.IGrantable, actions: list[str], resource: str) -> None:
        grantee.grant_principal.add_to_principal_policy(iam.PolicyStatement(actions=actions, resources=[resource]))

    def _allow_key(self, grantee: iam.IGrantable, action: str, parameters: str) -> None:
        # SSM names the parameter in the encryption context:
        # https://docs.aws.amazon.com/systems-manager/latest/userguide/secure-string-parameter-kms-encryption.html
        grantee.grant_principal.add_to_principal_policy(
            iam.PolicyStatement(
                actions=[action],
                resources=[self._encryption_key.key_arn],
                conditions={"StringLike": {"kms:EncryptionContext:PARAMETER_ARN": parameters}},
            )
        )

    def _arn(self, parameter: str) -> str:
        return Stack.of(self).format_arn(
            service="ssm",
            resource="parameter",
            resource_name=parameter.removeprefix("/"),
            arn_format=ArnFormat.SLASH_RESOURCE_NAME,
        )
