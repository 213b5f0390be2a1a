"""The keys that sign URLs: minted in the account, private half in SSM, public half in CloudFront's key group.

A generation is a construct id. CloudFront's public keys are immutable, so a new key is a new generation and never an
update of an old one. Generations are oldest → newest: all verify, the newest signs.
"""

from aws_cdk import Acknowledgment, ArnFormat, CustomResource, Duration, RemovalPolicy, Stack, Validations
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.config import Config, KeyGeneration
from infra.functions import Functions
from resolvers.settings import MintSettings


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
            settings=MintSettings(encryption_key_id=self._encryption_key.key_id),
            timeout=Duration.minutes(1),
        )
        self._grant_mint()
        public_keys = [self._generation(generation) for generation in config.key_generations]
        self.group = cloudfront.KeyGroup(self, "Group", items=public_keys)
        self.key_id = public_keys[-1].public_key_id
        self.parameter_name = self._parameter_name(config.key_generations[-1])

    def grant_sign(self, grantee: iam.IGrantable) -> None:
        """Allows reading the private key that signs, and nothing else that is in SSM or under its KMS key."""
        self._allow(grantee, ["ssm:GetParameter"], self._arn(self.parameter_name))
        self._allow_key(grantee, "kms:Decrypt", self._arn(self.parameter_name))

    def _generation(self, generation: KeyGeneration) -> cloudfront.PublicKey:
        scope = Construct(self, f"Generation-{generation.name}")
        pair = CustomResource(
            scope,
            "Pair",
            service_token=self._mint.function_arn,
            resource_type="Custom::SigningKeyPair",
            # How long CloudFormation waits, should the function be unable to answer at all.
            service_timeout=Duration.minutes(5),
            properties={"ParameterName": self._parameter_name(generation), "Algorithm": generation.algorithm},
        )
        # The grants, which must be there before the function runs and until it has cleaned up.
        pair.node.add_dependency(self._mint.role)
        return cloudfront.PublicKey(scope, "Public", encoded_key=pair.get_att_string("PublicKeyPem"))

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
