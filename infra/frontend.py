"""The web page: its own private bucket, and a CloudFront distribution in front of it."""

from pathlib import Path

from aws_cdk import Acknowledgment, Duration, RemovalPolicy, Stack, Validations
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudfront_origins as origins
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_deployment as deployment
from constructs import Construct

from infra.account_wide_name import account_wide_name
from infra.cdn import Cdn
from infra.config import Config
from infra.graphql_api import GraphqlApi
from infra.log_groups import LogGroups
from infra.users import Users
from private_files.outputs import Outputs

FRONTEND = Path(__file__).parent.parent / "frontend"


class FrontendNotBuilt(RuntimeError):
    """The page is not built; the message names the command that builds it."""


class Frontend(Construct):
    """The built page at `url`, with a `config.json` that contains the outputs it needs, and without users the API key.

    Raises FrontendNotBuilt.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        log_groups: LogGroups,
        api: GraphqlApi,
        cdn: Cdn,
        users: Users | None,
        uploads_url: str,
    ) -> None:
        super().__init__(scope, construct_id)
        dist = FRONTEND / "dist"
        if not (dist / "index.html").exists():
            raise FrontendNotBuilt("The page is not built, so frontend=on cannot deploy it: run `make setup` first.")
        stack = Stack.of(self)
        outputs = Outputs(
            graphql_url=api.url,
            cdn_url=cdn.url,
            region=stack.region,
            user_pool_id=users.pool.user_pool_id if users else "",
            user_pool_client_id=users.client.user_pool_client_id if users else "",
            api_key=api.api_key or "",
            uploads_url=uploads_url,
        ).to_json()
        cognito = f"https://cognito-idp.{stack.region}.{stack.url_suffix}" if users else ""
        policy = (FRONTEND / "content-security-policy.txt").read_text()

        self._bucket = self._make_bucket()
        access = cloudfront.S3OriginAccessControl(
            self, "OriginAccess", origin_access_control_name=account_wide_name(self)
        )
        self._distribution = cloudfront.Distribution(
            self,
            "Distribution",
            comment=f"{config.stack_name}: the page",
            default_root_object="index.html",
            default_behavior=cloudfront.BehaviorOptions(
                origin=origins.S3BucketOrigin.with_origin_access_control(self._bucket, origin_access_control=access),
                viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
                allowed_methods=cloudfront.AllowedMethods.ALLOW_GET_HEAD,
                # Keeps an object as long as its Cache-Control says, and `no-cache` for a second:
                # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/Expiration.html
                cache_policy=cloudfront.CachePolicy.CACHING_OPTIMIZED,
                response_headers_policy=self._response_headers(
                    config, " ".join(policy.format_map({"UploadsUrl": "", **outputs, "CognitoUrl": cognito}).split())
                ),
                compress=True,
            ),
            http_version=cloudfront.HttpVersion.HTTP2_AND_3,
        )
        self.url = f"https://{self._distribution.distribution_domain_name}"
        self._deploy(dist, outputs, log_groups)
        self._acknowledge()

    def _make_bucket(self) -> s3.Bucket:
        return s3.Bucket(
            self,
            "Bucket",
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            # The page can be built and deployed again at any time.
            removal_policy=RemovalPolicy.DESTROY,
            auto_delete_objects=True,
        )

    def _response_headers(self, config: Config, content_security_policy: str) -> cloudfront.ResponseHeadersPolicy:
        return cloudfront.ResponseHeadersPolicy(
            self,
            "ResponseHeaders",
            response_headers_policy_name=account_wide_name(self),
            comment=f"{config.stack_name}: the page loads from itself and this stack",
            security_headers_behavior=cloudfront.ResponseSecurityHeadersBehavior(
                content_security_policy=cloudfront.ResponseHeadersContentSecurityPolicy(
                    content_security_policy=content_security_policy, override=True
                ),
                content_type_options=cloudfront.ResponseHeadersContentTypeOptions(override=True),
                referrer_policy=cloudfront.ResponseHeadersReferrerPolicy(
                    referrer_policy=cloudfront.HeadersReferrerPolicy.NO_REFERRER, override=True
                ),
                strict_transport_security=cloudfront.ResponseHeadersStrictTransportSecurity(
                    access_control_max_age=Duration.days(365), include_subdomains=True, override=True
                ),
            ),
            custom_headers_behavior=cloudfront.ResponseCustomHeadersBehavior(
                custom_headers=[
                    cloudfront.ResponseCustomHeader(header=f"Cross-Origin-{name}", value="same-origin", override=True)
                    for name in ("Opener-Policy", "Resource-Policy")
                ]
            ),
        )

    def _deploy(self, dist: Path, outputs: dict[str, str], log_groups: LogGroups) -> None:
        # Our own role and log group: the library's role may write to every log, and its log never expires.
        log_group = log_groups.add(self, "DeployLogs")
        self._role = iam.Role(self, "DeployRole", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log_group.grant_write(self._role)
        cache = deployment.CacheControl
        # The name of an asset changes with its content. Keep old assets: open pages may still load them.
        assets = deployment.BucketDeployment(
            self,
            "Assets",
            sources=[deployment.Source.asset(str(dist / "assets"))],
            destination_bucket=self._bucket,
            destination_key_prefix="assets/",
            cache_control=[cache.set_public(), cache.max_age(Duration.days(365)), cache.immutable()],
            prune=False,
            role=self._role,
            log_group=log_group,
        )
        # Edge locations do not keep these, so no invalidation is needed; its permission covers every distribution.
        page = deployment.BucketDeployment(
            self,
            "Page",
            sources=[
                deployment.Source.asset(str(dist), exclude=["assets"]),
                deployment.Source.json_data("config.json", outputs),
            ],
            destination_bucket=self._bucket,
            cache_control=[cache.no_cache()],
            exclude=["assets/*"],
            prune=True,
            role=self._role,
            log_group=log_group,
        )
        page.node.add_dependency(assets)  # the assets that the page loads must exist first

    def _acknowledge(self) -> None:
        Validations.of(self._bucket).acknowledge(
            Acknowledgment(id="AwsSolutions-S1", reason="Everything in it is public through the distribution.")
        )
        Validations.of(self._distribution).acknowledge(
            Acknowledgment(id="AwsSolutions-CFR1", reason="Geographic restrictions are the owner's choice."),
            Acknowledgment(id="AwsSolutions-CFR2", reason="Static files without secrets; the API authenticates."),
            Acknowledgment(id="AwsSolutions-CFR3", reason="A log of the addresses that load the page is not needed."),
            Acknowledgment(id="AwsSolutions-CFR4", reason="CloudFront's own domain fixes its TLS policy."),
        )
        stack = Stack.of(self)
        staging = f"cdk-{stack.synthesizer.bootstrap_qualifier}-assets-<AWS::AccountId>-<AWS::Region>"
        families = ("s3:GetObject*", "s3:GetBucket*", "s3:List*", "s3:DeleteObject*", "s3:Abort*")
        wide = {f"Action::{family}": "The library grants S3 actions with wildcards." for family in families} | {
            f"Resource::arn:<AWS::Partition>:s3:::{staging}/*": "Read only: the built page is stored with the CDK's "
            "other assets, code and templates without secrets.",
            f"Resource::<{stack.get_logical_id(_cfn(self._bucket))}.Arn>/*": "Every file of the page's own bucket.",
        }
        Validations.of(self._role).acknowledge(
            *(Acknowledgment(id=f"AwsSolutions-IAM5[{what}]", reason=reason) for what, reason in wide.items())
        )
        [function] = [child for child in stack.node.children if child.node.id.startswith("Custom::CDKBucketDeployment")]
        Validations.of(function).acknowledge(
            Acknowledgment(id="AwsSolutions-L1", reason="The function and its runtime come with the CDK.")
        )


def _cfn(bucket: s3.Bucket) -> s3.CfnBucket:
    resource = bucket.node.default_child
    assert isinstance(resource, s3.CfnBucket)  # noqa: S101 - that is what a Bucket makes
    return resource
