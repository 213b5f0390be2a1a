"""The keys that sign URLs: created in the account, private half in SSM, public half in CloudFront's key group.

CloudFront's public keys are immutable, so a new key is a new generation, with its own construct id, never an update.
Generations are oldest → newest: all verify, and the newest signs as soon as every edge location knows it.
"""

from collections.abc import Sequence

from aws_cdk import Acknowledgment, ArnFormat, CfnResource, CustomResource, Duration, RemovalPolicy, Stack, Validations
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.account_wide_name import account_wide_name
from infra.config import Config, KeyGeneration
from infra.functions import Functions
from resolvers import settings


class SigningKey(Construct):
    """The key group that CloudFront trusts, and the private keys that sign."""

    def __init__(self, scope: Construct, construct_id: str, *, config: Config, functions: Functions) -> None:
        super().__init__(scope, construct_id)
        # Not the KMS key of the files: permission to decrypt a file must not allow decrypting the key that signs URLs.
        # Nothing that it encrypts outlives the stack, so neither does the key.
        self._encryption_key = kms.Key(
            self,
            "EncryptionKey",
            description="Encrypts the private keys that sign URLs",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self._parameters = f"/{config.stack_name}/signing-keys"
        self._create_function = functions.add(
            "MintFunction",
            handler="signing_key_handler",
            cryptography=True,
            settings=settings.SigningKeySettings(encryption_key_id=self._encryption_key.key_id),
            timeout=Duration.minutes(1),
        )
        # No retry after CloudFormation has given up: it would create a key that no Delete removes.
        self._create_function.configure_async_invoke(max_event_age=Duration.minutes(3))
        self._grant_create()
        self._settling = str(config.key_settling)
        public_keys, pairs = zip(*map(self._generation, config.key_generations), strict=True)
        rotation = self._check_rotation(config, functions, pairs)
        self.group = cloudfront.KeyGroup(self, "Group", items=list(public_keys), key_group_name=account_wide_name(self))
        # A key leaves the group only after the check has allowed it.
        self.group.node.add_dependency(rotation)
        self.signing_keys = settings.SigningKeys(
            tuple(
                settings.SigningKey(
                    key_id=public_key.public_key_id,
                    signs_from=pair.get_att_string("SignsFrom"),
                    algorithm=generation.algorithm,
                    parameter=self._parameter_name(generation),
                    public_key_sha256=pair.get_att_string("PublicKeySha256"),
                )
                for generation, public_key, pair in zip(config.key_generations, public_keys, pairs, strict=True)
            )
        )

    def grant_sign(self, function: lambda_.Function) -> None:
        """Allow reading the private keys that sign, and nothing else in SSM or under their KMS key.

        All keys of this stack, so that no deployment changes the permission: it would change before the rotation check
        has allowed the removal of a key, and a roll-back would restore it after functions have failed to read the key.
        """
        parameters = self._arn(f"{self._parameters}/*")
        self._allow(function, ["ssm:GetParameter"], parameters)
        self._allow_key(function, "kms:Decrypt", parameters)
        self._acknowledge_path(function, "The function signs with every generation of this stack's keys.")
        # The function must not sign with a key before it is in the group.
        function.node.add_dependency(self.group)

    def _generation(self, generation: KeyGeneration) -> tuple[cloudfront.PublicKey, CustomResource]:
        scope = Construct(self, f"Generation-{generation.name}")
        pair = CustomResource(
            scope,
            "Pair",
            service_token=self._create_function.function_arn,
            resource_type="Custom::SigningKeyPair",
            # How long CloudFormation waits if the function never responds.
            service_timeout=Duration.minutes(5),
            properties={
                "ParameterName": self._parameter_name(generation),
                "Algorithm": generation.algorithm,
                "SettlingSeconds": self._settling,
                "PublicKeyName": account_wide_name(scope),
            },
        )
        # The permissions must exist before the function runs and until it has cleaned up.
        pair.node.add_dependency(self._create_function.role)
        public_key = cloudfront.PublicKey(scope, "Public", encoded_key=pair.get_att_string("PublicKeyPem"))
        self._name(public_key, pair)
        return public_key, pair

    def _name(self, public_key: cloudfront.PublicKey, pair: CustomResource) -> None:
        # The library's name and caller reference lack the Region, so a second Region could not create them. But public
        # keys created under them must keep them, because they are immutable. No template can tell which it is, but the
        # function that created the pair can: it returns these for pairs that it created without `PublicKeyName`.
        resource, created = public_key.node.default_child, pair.node.default_child
        assert isinstance(resource, cloudfront.CfnPublicKey)  # noqa: S101 - the type of its default child
        assert isinstance(created, CfnResource)  # noqa: S101 - as above
        former = resource.public_key_config
        assert isinstance(former, cloudfront.CfnPublicKey.PublicKeyConfigProperty)  # noqa: S101 - as above
        created.add_property_override("FormerPublicKeyName", former.name)
        created.add_property_override("FormerCallerReference", former.caller_reference)
        resource.public_key_config = cloudfront.CfnPublicKey.PublicKeyConfigProperty(
            name=pair.get_att_string("PublicKeyName"),
            caller_reference=pair.get_att_string("CallerReference"),
            encoded_key=former.encoded_key,
        )

    def _check_rotation(self, config: Config, functions: Functions, pairs: Sequence[CustomResource]) -> CustomResource:
        check = functions.add(
            "RotationFunction", handler="rotation_handler", settings=settings.NoSettings(), timeout=Duration.minutes(1)
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

    def _grant_create(self) -> None:
        parameters = self._arn(f"{self._parameters}/*")
        # The function can write a key but not read it back: what it needs for a repeated request is in the tags.
        actions = ["ssm:PutParameter", "ssm:AddTagsToResource", "ssm:ListTagsForResource", "ssm:DeleteParameter"]
        self._allow(self._create_function, actions, parameters)
        self._allow_key(self._create_function, "kms:Encrypt", parameters)
        self._acknowledge_path(
            self._create_function, "One function creates every generation of this stack's keys, all under this path."
        )

    def _acknowledge_path(self, function: lambda_.Function, reason: str) -> None:
        Validations.of(function.role or function).acknowledge(
            Acknowledgment(
                id=f"AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:ssm:<AWS::Region>:<AWS::AccountId>:parameter{self._parameters}/*]",
                reason=reason,
            )
        )

    def _allow(self, grantee: iam.IGrantable, actions: list[str], resource: str) -> None:
        grantee.grant_principal.add_to_principal_policy(iam.PolicyStatement(actions=actions, resources=[resource]))

    def _allow_key(self, grantee: iam.IGrantable, action: str, parameters: str) -> None:
        # SSM puts the parameter's ARN into the encryption context:
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
