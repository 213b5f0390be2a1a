"""CloudFront: serves the files, only to URLs signed by a trusted key."""

from aws_cdk import Acknowledgment, Annotations, Duration, Validations
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudfront_origins as origins
from constructs import Construct

from infra.account_wide_name import account_wide_name
from infra.config import Config
from infra.file_store import FileStore

# How long an edge location serves its copy of a file that sets no Cache-Control, before it asks S3 whether the file has
# changed; after this time at the latest, a replaced or deleted file is no longer served.
FRESHNESS = Duration.seconds(60)
# CloudFront's default is 10 s, for which a file just uploaded would still look absent. S3 sends 403 for a missing file,
# 400 if its KMS key is disabled, and 416 for a range beyond the end.
ERROR_CACHING = Duration.seconds(1)
S3_REFUSALS = (400, 403, 404, 416)
CORS_METHODS = ("GET", "HEAD")
EXPOSED_HEADERS = (
    "Accept-Ranges",
    "Content-Disposition",
    "Content-Length",
    "Content-Range",
    "ETag",
    "Last-Modified",
    "Retry-After",
)
# Browsers show an uploaded HTML page or SVG, but it can neither run scripts nor send requests: `default-src` covers
# neither forms nor the base URL, and `sandbox` also stops redirects by a meta element. Any page may frame a file.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; img-src 'self' data:; media-src 'self'; style-src 'unsafe-inline'; object-src 'self'; "
    "form-action 'none'; base-uri 'none'; sandbox"
)


class Cdn(Construct):
    """A distribution that requires a signed URL for every request; `https://domain/<file name>` is the file.

    `url` is the base URL of signed URLs: the setting `cdn_url` or `custom_domain`, by default CloudFront's own domain.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        files: FileStore,
        trusted: cloudfront.IKeyGroup,
    ) -> None:
        super().__init__(scope, construct_id)
        certificate = (
            acm.Certificate.from_certificate_arn(self, "Certificate", config.certificate_arn)
            if config.certificate_arn
            else None
        )
        # Also lets the distribution read the bucket (bucket policy) and CloudFront decrypt with the key (key policy).
        access = cloudfront.S3OriginAccessControl(
            self, "OriginAccess", origin_access_control_name=account_wide_name(self)
        )
        origin = origins.S3BucketOrigin.with_origin_access_control(
            files.bucket, origin_path=f"/{config.files_folder}", origin_access_control=access
        )
        self.distribution = cloudfront.Distribution(
            self,
            "Distribution",
            comment=f"{config.stack_name}: private files",
            default_behavior=cloudfront.BehaviorOptions(
                origin=origin,
                viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.HTTPS_ONLY,
                trusted_key_groups=[trusted],
                allowed_methods=cloudfront.AllowedMethods.ALLOW_GET_HEAD_OPTIONS,
                cache_policy=self._cache(config),
                # What S3 needs to respond to a preflight, and nothing else. The cache key does not contain it.
                origin_request_policy=cloudfront.OriginRequestPolicy.CORS_S3_ORIGIN,
                response_headers_policy=self._response_headers(config),
                compress=True,
            ),
            error_responses=[cloudfront.ErrorResponse(http_status=status, ttl=ERROR_CACHING) for status in S3_REFUSALS],
            http_version=cloudfront.HttpVersion.HTTP2_AND_3,
            domain_names=[config.custom_domain] if config.custom_domain else None,
            certificate=certificate,
            web_acl_id=config.web_acl_arn or None,
            minimum_protocol_version=cloudfront.SecurityPolicyProtocol.TLS_V1_2_2021 if certificate else None,
        )
        domain = config.custom_domain or self.distribution.distribution_domain_name
        self.url = config.cdn_url or f"https://{domain}"
        self._acknowledge(files)

    def _cache(self, config: Config) -> cloudfront.CachePolicy:
        # The one parameter that tells S3 which download name to send. No other parameter reaches S3, so no request can
        # select an old version or another content type.
        return cloudfront.CachePolicy(
            self,
            "Cache",
            comment=f"{config.stack_name}: files, and the name to save them under",
            query_string_behavior=cloudfront.CacheQueryStringBehavior.allow_list("response-content-disposition"),
            enable_accept_encoding_gzip=True,
            enable_accept_encoding_brotli=True,
            # Cache-Control of a file is honoured, for a day at most and a second at least: with a minimum of 0,
            # CloudFront may not cache compressed content.
            # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/ServingCompressedFiles.html
            min_ttl=Duration.seconds(1),
            default_ttl=FRESHNESS,
            max_ttl=Duration.days(1),
        )

    def _response_headers(self, config: Config) -> cloudfront.ResponseHeadersPolicy:
        return cloudfront.ResponseHeadersPolicy(
            self,
            "ResponseHeaders",
            response_headers_policy_name=account_wide_name(self),
            comment=f"{config.stack_name}: any page may read, nothing in a file may run",
            cors_behavior=cloudfront.ResponseHeadersCorsBehavior(
                # The signature grants access and cookies do not, so any page that has a URL may read the file.
                access_control_allow_origins=["*"],
                access_control_allow_methods=list(CORS_METHODS),
                access_control_allow_headers=["*"],
                access_control_expose_headers=list(EXPOSED_HEADERS),
                access_control_allow_credentials=False,
                access_control_max_age=Duration.hours(1),
                origin_override=True,
            ),
            custom_headers_behavior=cloudfront.ResponseCustomHeadersBehavior(
                # The policy adds the CORS headers only to requests with an Origin. Without Vary, a browser reuses the
                # response to an <img>, which has none of them, for a later fetch of the same URL, and fails.
                # No Cache-Control here: the policy would add it to refusals, too, and browsers would keep them.
                custom_headers=[
                    cloudfront.ResponseCustomHeader(header="Vary", value="Origin, Accept-Encoding", override=True)
                ]
            ),
            security_headers_behavior=cloudfront.ResponseSecurityHeadersBehavior(
                content_type_options=cloudfront.ResponseHeadersContentTypeOptions(override=True),
                content_security_policy=cloudfront.ResponseHeadersContentSecurityPolicy(
                    content_security_policy=CONTENT_SECURITY_POLICY, override=True
                ),
                # Links in a file must not reveal its signed URL to other sites.
                referrer_policy=cloudfront.ResponseHeadersReferrerPolicy(
                    referrer_policy=cloudfront.HeadersReferrerPolicy.NO_REFERRER, override=True
                ),
                strict_transport_security=cloudfront.ResponseHeadersStrictTransportSecurity(
                    access_control_max_age=Duration.days(365), include_subdomains=True, override=True
                ),
            ),
        )

    def _acknowledge(self, files: FileStore) -> None:
        Annotations.of(self.distribution).acknowledge_warning(
            "@aws-cdk/aws-cloudfront-origins:updateImportedBucketPolicyOac",
            "The stack does not change an existing bucket; deploy.existing_bucket prints the statements that it needs.",
        )
        # Key → distribution → bucket → key is a cycle, so the key policy cannot name the distribution.
        Annotations.of(files).acknowledge_warning(
            "@aws-cdk/aws-cloudfront-origins:wildcardKeyPolicyForOac",
            "The key encrypts only this bucket, and the bucket's policy names the one distribution.",
        )
        Validations.of(self.distribution).acknowledge(
            Acknowledgment(id="AwsSolutions-CFR1", reason="Geographic restrictions are the owner's choice."),
            Acknowledgment(id="AwsSolutions-CFR2", reason="Requests without a valid signature are refused."),
            Acknowledgment(
                id="AwsSolutions-CFR3",
                reason="The rule knows only the older standard logs, which record the query string, and with it signed "
                "URLs. infra.access_logs delivers chosen fields.",
            ),
            Acknowledgment(
                id="AwsSolutions-CFR4",
                reason="CloudFront's own domain fixes its TLS policy; with custom_domain it is TLSv1.2_2021.",
            ),
        )
