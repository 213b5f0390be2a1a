"""The synthesized stack: every permission and protection, and nothing more."""

import itertools
import json
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterable
from pathlib import Path

import pytest
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Match
from graphql import FieldDefinitionNode, ObjectTypeDefinitionNode, parse, print_ast

from infra.schema import SCHEMA, deployable
from tests import PROJECT
from tests.synthesized import (
    VARIANTS,
    Resource,
    assembly,
    build,
    findings,
    only,
    plain,
    resources,
    synthesized,
    template,
)

each_variant = pytest.mark.parametrize("variant", VARIANTS)


def function(handler: str, variant: str = "default") -> tuple[str, Resource]:
    [(logical_id, resource)] = [
        (logical_id, resource)
        for logical_id, resource in resources("AWS::Lambda::Function", variant).items()
        if resource["Properties"]["Handler"] == f"resolvers.{handler}.handler"
    ]
    return logical_id, resource["Properties"]


def permissions(handler: str, variant: str = "default") -> list[Resource]:
    """Every statement of the function's role but those on its own log group and, with `tracing`, on X-Ray."""
    _, properties = function(handler, variant)
    role_id = properties["Role"]["Fn::GetAtt"][0]
    role = synthesized(variant)["Resources"][role_id]["Properties"]
    assert not {"ManagedPolicyArns", "Policies"} & role.keys()
    log_group = f"${{{properties['LoggingConfig']['LogGroup']['Ref']}.Arn}}"
    statements = [
        plain(statement)
        for policy in resources("AWS::IAM::Policy", variant).values()
        if {"Ref": role_id} in policy["Properties"]["Roles"]
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
    ]
    [logs] = [statement for statement in statements if "logs:PutLogEvents" in statement["Action"]]
    assert logs["Resource"] == log_group
    assert set(logs["Action"]) == {"logs:CreateLogStream", "logs:PutLogEvents"}
    of_tracing = {
        "Effect": "Allow",
        "Action": ["xray:PutTraceSegments", "xray:PutTelemetryRecords"],
        "Resource": "*",
    }
    assert (of_tracing in statements) == (VARIANTS.get(variant, {}).get("tracing") == "on")
    return [statement for statement in statements if statement not in (logs, of_tracing)]


def keys(variant: str = "default") -> tuple[str, str]:
    """The logical ids of the KMS keys: the files', and the one of the private keys that sign."""
    _, bucket = only("AWS::S3::Bucket", variant)
    [rule] = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    of_files = rule["ServerSideEncryptionByDefault"]["KMSMasterKeyID"]["Fn::GetAtt"][0]
    others = resources("AWS::KMS::Key", variant).keys() - {of_files}
    [of_signing] = [name for name in others if not name.startswith("LogGroups")]
    return of_files, of_signing


def parameter_arn(path: str) -> str:
    return "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter/PrivateFiles/signing-keys/" + path


def flat(values: Iterable[str | list[str]]) -> list[str]:
    return [part for value in values for part in ([value] if isinstance(value, str) else value)]


def bucket_statements() -> list[Resource]:
    statements: list[Resource] = plain(only("AWS::S3::BucketPolicy")[1]["PolicyDocument"]["Statement"])
    return statements


# The bucket


def test_bucket_is_encrypted_versioned_owned_and_closed_to_the_public() -> None:
    template().has_resource_properties(
        "AWS::S3::Bucket",
        {
            "BucketEncryption": {
                "ServerSideEncryptionConfiguration": [
                    {
                        "BucketKeyEnabled": True,
                        "ServerSideEncryptionByDefault": {
                            "SSEAlgorithm": "aws:kms",
                            "KMSMasterKeyID": {"Fn::GetAtt": [keys()[0], "Arn"]},
                        },
                    }
                ]
            },
            "VersioningConfiguration": {"Status": "Enabled"},
            "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
            "PublicAccessBlockConfiguration": {
                "BlockPublicAcls": True,
                "BlockPublicPolicy": True,
                "IgnorePublicAcls": True,
                "RestrictPublicBuckets": True,
            },
        },
    )


@pytest.mark.parametrize(
    "condition",
    [{"Bool": {"aws:SecureTransport": "false"}}, {"NumericLessThan": {"s3:TlsVersion": 1.2}}],
    ids=["no-tls", "old-tls"],
)
def test_bucket_denies_everything_that_comes_without_tls(condition: Resource) -> None:
    bucket, _ = only("AWS::S3::Bucket")
    assert {
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Action": "s3:*",
        "Resource": [f"${{{bucket}.Arn}}", f"${{{bucket}.Arn}}/*"],
        "Condition": condition,
    } in bucket_statements()


def test_bucket_allows_the_one_distribution_to_read_and_nobody_else_anything() -> None:
    bucket, _ = only("AWS::S3::Bucket")
    distribution, _ = only("AWS::CloudFront::Distribution")
    arn = f"arn:${{AWS::Partition}}:cloudfront::${{AWS::AccountId}}:distribution/${{{distribution}}}"
    assert [statement for statement in bucket_statements() if statement["Effect"] != "Deny"] == [
        {
            "Effect": "Allow",
            "Principal": {"Service": "cloudfront.amazonaws.com"},
            "Action": "s3:GetObject",
            "Resource": f"${{{bucket}.Arn}}/*",
            "Condition": {"StringEquals": {"AWS:SourceArn": arn}},
        }
    ]


# KMS


def test_both_encryption_keys_rotate() -> None:
    found = resources("AWS::KMS::Key")
    assert len(found) == 2
    assert all(key["Properties"]["EnableKeyRotation"] is True for key in found.values())


def test_key_of_the_files_lets_cloudfront_decrypt_and_nothing_more() -> None:
    statements = plain(resources("AWS::KMS::Key")[keys()[0]]["Properties"]["KeyPolicy"]["Statement"])
    [of_a_service] = [statement for statement in statements if "Service" in statement["Principal"]]
    assert of_a_service["Principal"] == {"Service": "cloudfront.amazonaws.com"}
    assert of_a_service["Action"] == "kms:Decrypt"
    assert of_a_service["Condition"]["ArnLike"]["AWS:SourceArn"].startswith(
        "arn:${AWS::Partition}:cloudfront::${AWS::AccountId}:distribution/"
    )


def test_key_of_the_signing_keys_trusts_the_account_alone() -> None:
    [statement] = plain(resources("AWS::KMS::Key")[keys()[1]]["Properties"]["KeyPolicy"]["Statement"])
    assert statement["Principal"] == {"AWS": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}


# CloudFront


@each_variant
def test_every_request_to_the_distribution_is_https_and_signed(variant: str) -> None:
    group, _ = only("AWS::CloudFront::KeyGroup", variant)
    _, properties = only("AWS::CloudFront::Distribution", variant)
    config = properties["DistributionConfig"]
    assert "CacheBehaviors" not in config
    behavior = config["DefaultCacheBehavior"]
    assert behavior["TrustedKeyGroups"] == [{"Ref": group}]
    assert behavior["ViewerProtocolPolicy"] == "https-only"
    assert behavior["AllowedMethods"] == ["GET", "HEAD", "OPTIONS"]
    assert "CachedMethods" not in behavior  # GET and HEAD: every preflight reaches S3
    assert config["HttpVersion"] == "http2and3"


@pytest.mark.parametrize(("variant", "path"), [("default", "/files"), ("another-folder", "/public/files")])
def test_distribution_reads_the_one_folder_under_its_own_name(variant: str, path: str) -> None:
    [origin] = only("AWS::CloudFront::Distribution", variant)[1]["DistributionConfig"]["Origins"]
    control, properties = only("AWS::CloudFront::OriginAccessControl", variant)
    assert origin["OriginAccessControlId"] == {"Fn::GetAtt": [control, "Id"]}
    assert origin["S3OriginConfig"] == {"OriginAccessIdentity": ""}
    assert origin["DomainName"] == {"Fn::GetAtt": [only("AWS::S3::Bucket", variant)[0], "RegionalDomainName"]}
    assert origin["OriginPath"] == path
    signing = {"OriginAccessControlOriginType": "s3", "SigningBehavior": "always", "SigningProtocol": "sigv4"}
    assert signing.items() <= properties["OriginAccessControlConfig"].items()


@each_variant
def test_only_the_download_name_and_what_cors_needs_reach_s3(variant: str) -> None:
    policy, properties = only("AWS::CloudFront::CachePolicy", variant)
    behavior = only("AWS::CloudFront::Distribution", variant)[1]["DistributionConfig"]["DefaultCacheBehavior"]
    assert behavior["CachePolicyId"] == {"Ref": policy}
    # Managed-CORS-S3Origin: Origin and Access-Control-Request-*, no query string and no cookie. Not in the cache key.
    assert behavior["OriginRequestPolicyId"] == "88a5eaf4-2fd4-4709-b370-b4c650ea3fcf"
    in_the_key = properties["CachePolicyConfig"]["ParametersInCacheKeyAndForwardedToOrigin"]
    assert in_the_key == {
        "QueryStringsConfig": {"QueryStringBehavior": "whitelist", "QueryStrings": ["response-content-disposition"]},
        "HeadersConfig": {"HeaderBehavior": "none"},
        "CookiesConfig": {"CookieBehavior": "none"},
        "EnableAcceptEncodingGzip": True,
        "EnableAcceptEncodingBrotli": True,
    }


def test_edges_serve_their_copy_for_a_minute_unless_the_file_says_otherwise() -> None:
    config = only("AWS::CloudFront::CachePolicy")[1]["CachePolicyConfig"]
    assert (config["MinTTL"], config["DefaultTTL"], config["MaxTTL"]) == (1, 60, 86_400)


def test_refusals_of_s3_are_kept_for_a_second_so_that_a_new_file_is_soon_there() -> None:
    responses = only("AWS::CloudFront::Distribution")[1]["DistributionConfig"]["CustomErrorResponses"]
    assert responses == [{"ErrorCode": code, "ErrorCachingMinTTL": 1} for code in (400, 403, 404, 416)]


def response_headers() -> Resource:
    config: Resource = only("AWS::CloudFront::ResponseHeadersPolicy")[1]["ResponseHeadersPolicyConfig"]
    return config


def test_page_of_any_origin_reads_a_file_and_the_headers_that_viewers_need() -> None:
    cors = response_headers()["CorsConfig"]
    assert cors["OriginOverride"] is True
    assert cors["AccessControlAllowOrigins"]["Items"] == ["*"]
    assert cors["AccessControlAllowHeaders"]["Items"] == ["*"]
    assert cors["AccessControlAllowMethods"]["Items"] == ["GET", "HEAD"]
    assert cors["AccessControlAllowCredentials"] is False
    assert set(cors["AccessControlExposeHeaders"]["Items"]) == {
        "Accept-Ranges",
        "Content-Disposition",
        "Content-Length",
        "Content-Range",
        "ETag",
        "Last-Modified",
        "Retry-After",
    }


def test_s3_responds_to_the_preflights_that_cloudfront_passes_on() -> None:
    [rule] = only("AWS::S3::Bucket")[1]["CorsConfiguration"]["CorsRules"]
    assert rule["AllowedOrigins"] == rule["AllowedHeaders"] == ["*"]
    assert rule["AllowedMethods"] == ["GET", "HEAD"]


def test_response_without_cors_headers_is_not_reused_for_a_request_with_an_origin() -> None:
    # A browser that showed <img> keeps a response without them, and would fail when it fetches the same URL.
    # The policy also applies to refusals, so it must not add a Cache-Control: a browser would keep a 403.
    assert response_headers()["CustomHeadersConfig"]["Items"] == [
        {"Header": "Vary", "Value": "Origin, Accept-Encoding", "Override": True}
    ]


def test_served_file_can_run_nothing_and_send_nothing() -> None:
    security = response_headers()["SecurityHeadersConfig"]
    assert security["ContentTypeOptions"] == {"Override": True}
    assert security["ReferrerPolicy"] == {"Override": True, "ReferrerPolicy": "no-referrer"}
    assert security["ContentSecurityPolicy"]["Override"] is True
    directives = [part.split() for part in security["ContentSecurityPolicy"]["ContentSecurityPolicy"].split(";")]
    policy = {name: sources for name, *sources in directives}
    assert len(policy) == len(directives)
    assert policy["default-src"] == policy["form-action"] == policy["base-uri"] == ["'none'"]
    assert policy["sandbox"] == []
    # Neither a script nor a request; another site is never a source.
    assert {source for sources in policy.values() for source in sources} <= {
        "'none'",
        "'self'",
        "data:",
        "'unsafe-inline'",
    }
    assert [name for name, sources in policy.items() if "'unsafe-inline'" in sources] == ["style-src"]
    assert not {"script-src", "connect-src", "worker-src", "frame-src"} & policy.keys()


def test_custom_domain_has_its_certificate_and_no_old_tls() -> None:
    config = only("AWS::CloudFront::Distribution", "custom-domain")[1]["DistributionConfig"]
    assert config["Aliases"] == ["files.example.com"]
    assert config["ViewerCertificate"] == {
        "AcmCertificateArn": VARIANTS["custom-domain"]["certificate_arn"],
        "MinimumProtocolVersion": "TLSv1.2_2021",
        "SslSupportMethod": "sni-only",
    }


@pytest.mark.parametrize(
    ("variant", "origin"),
    [("custom-domain", "https://files.example.com"), ("cdn-url", "https://127.0.0.1:8443"), ("default", None)],
)
def test_urls_are_signed_for_the_origin_that_the_output_names(variant: str, origin: str | None) -> None:
    distribution, _ = only("AWS::CloudFront::Distribution", variant)
    wanted = origin or f"https://${{{distribution}.DomainName}}"
    assert plain(function("url_handler", variant)[1]["Environment"]["Variables"]["CDN_URL"]) == wanted
    assert plain(synthesized(variant)["Outputs"]["CdnUrl"]["Value"]) == wanted


# The functions' roles


@each_variant
def test_signer_may_read_the_keys_of_its_stack_and_nothing_else(variant: str) -> None:
    # All of them at once, so that adding or removing a key does not change what the signer may read: the
    # change would come before the rotation check, and a roll-back would restore it too late.
    assert permissions("url_handler", variant) == [
        {"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": parameter_arn("*")},
        {
            "Effect": "Allow",
            "Action": "kms:Decrypt",
            "Resource": f"${{{keys(variant)[1]}.Arn}}",
            "Condition": {"StringLike": {"kms:EncryptionContext:PARAMETER_ARN": parameter_arn("*")}},
        },
    ]


@each_variant
def test_no_retry_creates_a_key_after_cloudformation_has_given_up(variant: str) -> None:
    # The last retry starts within the maximum age and runs for up to a minute.
    function_id = function("signing_key_handler", variant)[0]
    [invoke] = [
        found["Properties"]
        for found in resources("AWS::Lambda::EventInvokeConfig", variant).values()
        if found["Properties"]["FunctionName"] == {"Ref": function_id}
    ]
    for pair in resources("Custom::SigningKeyPair", variant).values():
        assert invoke["MaximumEventAgeInSeconds"] + 60 < int(pair["Properties"]["ServiceTimeout"])


@pytest.mark.parametrize(
    ("variant", "prefix"),
    [
        ("default", "files/*"),
        ("another-folder", "public/files/*"),
        ("access", ["files/home/*/*", "files/shared/*", "files/teams/*/*"]),
    ],
)
def test_lister_may_list_what_somebody_may_read_and_nothing_else(variant: str, prefix: str | list[str]) -> None:
    assert permissions("files_handler", variant) == [
        {
            "Effect": "Allow",
            "Action": "s3:ListBucket",
            "Resource": f"${{{only('AWS::S3::Bucket', variant)[0]}.Arn}}",
            "Condition": {"StringLike": {"s3:prefix": prefix}},
        }
    ]


@each_variant
def test_function_that_creates_keys_may_write_and_cannot_read_them(variant: str) -> None:
    condition = {"StringLike": {"kms:EncryptionContext:PARAMETER_ARN": parameter_arn("*")}}
    assert permissions("signing_key_handler", variant) == [
        {
            "Effect": "Allow",
            "Action": [
                "ssm:PutParameter",
                "ssm:AddTagsToResource",
                "ssm:ListTagsForResource",
                "ssm:DeleteParameter",
            ],
            "Resource": parameter_arn("*"),
        },
        {
            "Effect": "Allow",
            "Action": "kms:Encrypt",
            "Resource": f"${{{keys(variant)[1]}.Arn}}",
            "Condition": condition,
        },
    ]


@each_variant
def test_no_role_but_the_signers_may_read_a_parameter_or_decrypt(variant: str) -> None:
    signer = function("url_handler", variant)[1]["Role"]["Fn::GetAtt"][0]
    for policy in resources("AWS::IAM::Policy", variant).values():
        if {"Ref": signer} not in policy["Properties"]["Roles"]:
            text = json.dumps(policy)
            assert "ssm:GetParameter" not in text
            assert "kms:Decrypt" not in text or "UploadFunctionRole" in policy["Properties"]["PolicyName"]
            assert '"Action": "*"' not in text


@pytest.mark.parametrize(
    ("variant", "written", "deleted"),
    [("uploads", ["files/home/*/*", "files/incoming/*", "files/shared/*"], ["files/home/*/*"]),
     ("open-uploads", ["files/*"], ["files/*"])],
)  # fmt: skip
def test_function_of_uploads_may_write_and_hide_what_the_rules_let_somebody_and_nothing_else(
    variant: str, written: list[str], deleted: list[str]
) -> None:
    bucket, key = only("AWS::S3::Bucket", variant)[0], keys(variant)[0]

    def objects(patterns: list[str]) -> str | list[str]:
        found = [f"${{{bucket}.Arn}}/{pattern}" for pattern in patterns]
        return found if found[1:] else found[0]

    assert permissions("upload_handler", variant) == [
        {
            "Effect": "Allow",
            "Action": ["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"],
            "Resource": objects(written),
        },
        {"Effect": "Allow", "Action": "s3:DeleteObject", "Resource": objects(deleted)},
        {
            "Effect": "Allow",
            "Action": ["kms:GenerateDataKey", "kms:Decrypt"],
            "Resource": f"${{{key}.Arn}}",
            "Condition": {"StringEquals": {"kms:ViaService": "s3.${AWS::Region}.${AWS::URLSuffix}"}},
        },
    ]


@each_variant
def test_only_with_uploads_are_there_mutations_and_a_rule_for_pages_that_send_files(variant: str) -> None:
    on = "uploads" in VARIANTS[variant]
    bucket = only("AWS::S3::Bucket", variant)[1]
    methods = [rule["AllowedMethods"] for rule in bucket["CorsConfiguration"]["CorsRules"]]
    assert methods == ([["GET", "HEAD"], ["PUT"]] if on else [["GET", "HEAD"]])
    (rule,) = bucket["LifecycleConfiguration"]["Rules"]
    assert rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] == (1 if on else 7)
    assert ("ExpiredObjectDeleteMarker" in rule) == on
    assert ("Mutation" in types(variant)) == on
    url = synthesized(variant)["Outputs"].get("UploadsUrl", {"Value": ""})["Value"]
    name = only("AWS::S3::Bucket", variant)[0]
    assert plain(url) == (f"https://${{{name}}}.s3.${{AWS::Region}}.${{AWS::URLSuffix}}" if on else "")
    resolved = {
        found["Properties"]["FieldName"]
        for found in resources("AWS::AppSync::Resolver", variant).values()
        if found["Properties"]["TypeName"] == "Mutation"
    }
    assert resolved == ({field.name.value for field in types(variant)["Mutation"].fields} if on else set())


@pytest.mark.parametrize(
    ("field", "handler", "source"),
    [
        ("getFiles", "files_handler", "getFilesSource"),
        ("getUrl", "url_handler", "getUrlSource"),
        ("getUrls", "url_handler", "getUrlSource"),
    ],
)
def test_field_is_resolved_by_its_function(field: str, handler: str, source: str) -> None:
    template().has_resource_properties(
        "AWS::AppSync::Resolver", {"TypeName": "Query", "FieldName": field, "DataSourceName": source}
    )
    template().has_resource_properties(
        "AWS::AppSync::DataSource",
        {
            "Name": source,
            "Type": "AWS_LAMBDA",
            "LambdaConfig": {"LambdaFunctionArn": {"Fn::GetAtt": [function(handler)[0], "Arn"]}},
        },
    )


@each_variant
def test_every_function_of_ours_writes_to_a_log_group_that_expires(variant: str) -> None:
    groups = resources("AWS::Logs::LogGroup", variant)
    days = 365 if variant == "watched" else 90
    assert {group["Properties"]["RetentionInDays"] for group in groups.values()} == {days}
    for handler in ("files_handler", "url_handler", "signing_key_handler", "rotation_handler"):
        assert function(handler, variant)[1]["LoggingConfig"]["LogGroup"]["Ref"] in groups


def test_log_of_the_api_omits_responses() -> None:
    api, properties = only("AWS::AppSync::GraphQLApi")
    assert properties["LogConfig"]["FieldLogLevel"] == "ERROR"
    assert properties["LogConfig"]["ExcludeVerboseContent"] is True
    names = [plain(group["Properties"].get("LogGroupName")) for group in resources("AWS::Logs::LogGroup").values()]
    assert f"/aws/appsync/apis/${{{api}.ApiId}}" in names


# The signing keys


@each_variant
def test_no_private_key_is_in_the_template(variant: str) -> None:
    assert "PRIVATE KEY" not in json.dumps(synthesized(variant))


def test_public_halves_come_from_the_key_pairs_oldest_first_and_the_signer_knows_both() -> None:
    _, group = only("AWS::CloudFront::KeyGroup", "two-keys")
    public_keys = [item["Ref"] for item in group["KeyGroupConfig"]["Items"]]
    found = resources("AWS::CloudFront::PublicKey", "two-keys")
    created = []
    for public_key in public_keys:
        pair, attribute = found[public_key]["Properties"]["PublicKeyConfig"]["EncodedKey"]["Fn::GetAtt"]
        assert attribute == "PublicKeyPem"
        properties = resources("Custom::SigningKeyPair", "two-keys")[pair]["Properties"]
        assert properties["ServiceToken"] == {"Fn::GetAtt": [function("signing_key_handler", "two-keys")[0], "Arn"]}
        created.append((properties["ParameterName"], properties["Algorithm"]))
    assert created == [
        ("/PrivateFiles/signing-keys/1", "ecdsa-p256"),
        ("/PrivateFiles/signing-keys/2", "rsa-2048"),
    ]
    variables = function("url_handler", "two-keys")[1]["Environment"]["Variables"]
    pairs = [
        found[public_key]["Properties"]["PublicKeyConfig"]["EncodedKey"]["Fn::GetAtt"][0] for public_key in public_keys
    ]
    assert plain(variables["SIGNING_KEYS"]) == (
        f"${{{public_keys[0]}}} ${{{pairs[0]}.SignsFrom}} ecdsa-p256 /PrivateFiles/signing-keys/1 "
        f"${{{pairs[0]}.PublicKeySha256}}, "
        f"${{{public_keys[1]}}} ${{{pairs[1]}.SignsFrom}} rsa-2048 /PrivateFiles/signing-keys/2 "
        f"${{{pairs[1]}.PublicKeySha256}}"
    )


@pytest.mark.parametrize("kind", ["AWS::CloudFront::PublicKey", "Custom::SigningKeyPair"])
def test_added_generation_does_not_change_the_one_before(kind: str) -> None:
    # CloudFront's public keys are immutable: any change of an old one fails the deployment.
    assert resources(kind).items() <= resources(kind, "two-keys").items()


@pytest.mark.parametrize("variant", ["default", "two-keys", "three-algorithms"])
def test_no_key_leaves_the_group_before_the_check_and_the_signer_comes_after_the_group(variant: str) -> None:
    (group, resource), (rotation, check) = (
        next(iter(resources(kind, variant).items()))
        for kind in ("AWS::CloudFront::KeyGroup", "Custom::SigningKeyRotation")
    )
    assert rotation in resource["DependsOn"]
    signer, _ = function("url_handler", variant)
    assert group in synthesized(variant)["Resources"][signer]["DependsOn"]
    # What the check needs to run must be there first.
    role = function("rotation_handler", variant)[1]["Role"]["Fn::GetAtt"][0]
    assert role in check["DependsOn"]
    assert any(
        policy in check["DependsOn"]
        for policy, found in resources("AWS::IAM::Policy", variant).items()
        if {"Ref": role} in found["Properties"]["Roles"]
    )


@pytest.mark.parametrize(
    ("variant", "names", "revoked"),
    [("default", "1", []), ("two-keys", "12", []), ("three-algorithms", "123", ["0"])],
)
def test_rotation_check_gets_every_key_and_the_longest_life_of_a_url(
    variant: str, names: str, revoked: list[str]
) -> None:
    _, check = only("Custom::SigningKeyRotation", variant)
    assert check["ServiceToken"] == {"Fn::GetAtt": [function("rotation_handler", variant)[0], "Arn"]}
    pairs = {
        pair["Properties"]["ParameterName"][-1]: pair_id
        for pair_id, pair in resources("Custom::SigningKeyPair", variant).items()
    }
    assert check["Generations"] == [
        {"Name": name, "SignsFrom": {"Fn::GetAtt": [pairs[name], "SignsFrom"]}} for name in names
    ]
    assert (check["LongestUrlSeconds"], check["SettlingSeconds"], check["Revoked"]) == ("3900", "600", revoked)


@each_variant
def test_check_may_look_at_its_own_stack_and_nothing_else(variant: str) -> None:
    assert permissions("rotation_handler", variant) == [
        {"Effect": "Allow", "Action": "cloudformation:DescribeStacks", "Resource": "${AWS::StackId}"}
    ]


def test_three_algorithms_stand_side_by_side_in_the_group() -> None:
    _, group = only("AWS::CloudFront::KeyGroup", "three-algorithms")
    assert len(group["KeyGroupConfig"]["Items"]) == 3
    pairs = resources("Custom::SigningKeyPair", "three-algorithms").values()
    algorithms = {pair["Properties"]["ParameterName"][-1]: pair["Properties"]["Algorithm"] for pair in pairs}
    assert algorithms == {"1": "rsa-2048-sha1", "2": "rsa-2048", "3": "ecdsa-p256"}


# Authentication


def test_api_requires_a_user_of_the_pool_or_an_iam_signature() -> None:
    pool, _ = only("AWS::Cognito::UserPool")
    _, api = only("AWS::AppSync::GraphQLApi")
    client, _ = only("AWS::Cognito::UserPoolClient")
    assert api["AuthenticationType"] == "AMAZON_COGNITO_USER_POOLS"
    assert api["AdditionalAuthenticationProviders"] == [{"AuthenticationType": "AWS_IAM"}]
    assert api["UserPoolConfig"]["UserPoolId"] == {"Ref": pool}
    assert api["UserPoolConfig"]["AppIdClientRegex"] == {"Ref": client}
    assert resources("AWS::AppSync::ApiKey") == {}


def test_there_is_no_sign_up_and_no_password_on_the_wire() -> None:
    template().has_resource_properties(
        "AWS::Cognito::UserPool", {"AdminCreateUserConfig": {"AllowAdminCreateUserOnly": True}}
    )
    template().has_resource_properties(
        "AWS::Cognito::UserPoolClient",
        {
            "ExplicitAuthFlows": ["ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
            "GenerateSecret": False,
            "PreventUserExistenceErrors": "ENABLED",
            "AllowedOAuthFlowsUserPoolClient": False,
        },
    )


def test_forgotten_passwords_are_reset_by_verified_email_only() -> None:
    _, pool = only("AWS::Cognito::UserPool")
    assert pool["AccountRecoverySetting"]["RecoveryMechanisms"] == [{"Name": "verified_email", "Priority": 1}]


@pytest.mark.parametrize(
    ("variant", "configuration", "factors"),
    [
        ("default", "OPTIONAL", ["SOFTWARE_TOKEN_MFA"]),
        ("mfa-required", "ON", ["SOFTWARE_TOKEN_MFA"]),
        ("mfa-off", "OFF", None),
    ],
)
def test_second_factor_is_an_authenticator_app(variant: str, configuration: str, factors: list[str] | None) -> None:
    _, pool = only("AWS::Cognito::UserPool", variant)
    assert (pool["MfaConfiguration"], pool.get("EnabledMfas")) == (configuration, factors)


def test_email_addresses_are_case_insensitive_unless_the_pool_is_older() -> None:
    _, pool = only("AWS::Cognito::UserPool")
    assert pool["UsernameConfiguration"] == {"CaseSensitive": False}
    _, older = only("AWS::Cognito::UserPool", "mfa-off")
    assert "UsernameConfiguration" not in older


def test_existing_pool_gets_the_client_and_nothing_else() -> None:
    assert resources("AWS::Cognito::UserPool", "existing-pool") == {}
    client_id, client = only("AWS::Cognito::UserPoolClient", "existing-pool")
    assert client["UserPoolId"] == "eu-west-1_AbCdEfGhI"
    assert client["ExplicitAuthFlows"] == ["ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
    _, api = only("AWS::AppSync::GraphQLApi", "existing-pool")
    assert api["UserPoolConfig"]["UserPoolId"] == "eu-west-1_AbCdEfGhI"
    assert api["UserPoolConfig"]["AppIdClientRegex"] == {"Ref": client_id}
    _, authorizer = only("AWS::ApiGatewayV2::Authorizer", "existing-pool")
    assert authorizer["JwtConfiguration"]["Audience"] == [{"Ref": client_id}]
    assert "eu-west-1_AbCdEfGhI" in plain(authorizer["JwtConfiguration"]["Issuer"])


def test_without_auth_the_api_requires_a_key_and_there_is_no_pool() -> None:
    api, properties = only("AWS::AppSync::GraphQLApi", "auth-off")
    assert properties["AuthenticationType"] == "API_KEY"
    assert "AdditionalAuthenticationProviders" not in properties
    template("auth-off").has_resource_properties(
        "AWS::AppSync::ApiKey", {"ApiId": {"Fn::GetAtt": [api, "ApiId"]}, "Expires": Match.any_value()}
    )
    template("auth-off").resource_count_is("AWS::Cognito::UserPool", 0)
    template("auth-off").resource_count_is("AWS::Cognito::UserPoolClient", 0)


def types(variant: str) -> dict[str, ObjectTypeDefinitionNode]:
    definition = only("AWS::AppSync::GraphQLSchema", variant)[1]["Definition"]
    found = [node for node in parse(definition).definitions if isinstance(node, ObjectTypeDefinitionNode)]
    return {node.name.value: node for node in found}


def signature(field: FieldDefinitionNode) -> str:
    arguments = ", ".join(f"{argument.name.value}: {print_ast(argument.type)}" for argument in field.arguments)
    return f"{field.name.value}{f'({arguments})' if arguments else ''}: {print_ast(field.type)}"


@pytest.mark.parametrize("variant", ["default", "auth-off"])
def test_schema_has_the_fields_of_the_interface(variant: str) -> None:
    assert {name: [signature(field) for field in node.fields] for name, node in types(variant).items()} == {
        "Query": [
            "getFiles(prefix: String): [String]",
            "listFiles(prefix: String, delimiter: String, limit: Int, nextToken: String): FilePage!",
            "getFile(file: String!): File",
            "getUrl(file: String!, expiresIn: Int, saveAs: String): String",
            "getUrls(files: [String!]!, expiresIn: Int): [SignedUrl!]!",
            "getAccess: [AllowedPrefix!]!",
        ],
        "FilePage": ["items: [File!]!", "folders: [String!]!", "nextToken: String"],
        "File": [
            "name: String!",
            "size: Float!",
            "lastModified: AWSDateTime!",
            "etag: String!",
            "url(expiresIn: Int, saveAs: String): String",
        ],
        "SignedUrl": [
            "file: String!",
            "url: String",
            "expiresAt: AWSDateTime",
            "errorType: String",
            "errorMessage: String",
        ],
        "AllowedPrefix": ["prefix: String!", "read: Boolean!", "write: Boolean!", "delete: Boolean!"],
    }


def without_descriptions(schema: str) -> str:
    """The schema, printed without its descriptions."""
    document = parse(schema)
    for definition in document.definitions:
        fields = getattr(definition, "fields", ())
        arguments = (argument for field in fields for argument in field.arguments)
        for node in (definition, *fields, *arguments):
            node.description = None
    return print_ast(document)


def test_deployed_schema_is_the_file_without_descriptions() -> None:
    definition = only("AWS::AppSync::GraphQLSchema")[1]["Definition"]
    assert print_ast(parse(definition)) == without_descriptions(SCHEMA.read_text())


def test_schema_without_auth_differs_in_nothing_but_the_directives() -> None:
    definition = only("AWS::AppSync::GraphQLSchema", "auth-off")[1]["Definition"]
    without = only("AWS::AppSync::GraphQLSchema")[1]["Definition"].replace(" @aws_cognito_user_pools @aws_iam", "")
    assert definition == without


@pytest.mark.parametrize("variant", ["default", "auth-off"])
def test_every_type_and_field_has_a_comment_and_nothing_else_has_one(variant: str) -> None:
    # AppSync takes comments as descriptions, and has refused descriptions in quotes.
    lines = only("AWS::AppSync::GraphQLSchema", variant)[1]["Definition"].splitlines()
    assert not any('"""' in line or line.strip().startswith('"') for line in lines)
    for above, line in itertools.pairwise(["", *lines]):
        is_described = bool(re.match(r"type |  \w+(\(.*\))?: ", line)) and line != "  query: Query"
        if not line.lstrip().startswith("#"):
            assert above.lstrip().startswith("#") == is_described, line


def test_only_types_and_fields_keep_their_descriptions() -> None:
    schema = '''
        """Colours."""
        enum Colour { """Red.""" RED }
        input Filter { "By." by: String = "description 0" }
        "A schema." schema { query: Query }
        """
        Two
          lines.
        """
        type Query {
          "A \\"name\\"."
          name("Of." of: Filter, text: String = "description 1"): Colour @deprecated(reason: "x")
        }
    '''
    assert deployable(schema, auth=True) == textwrap.dedent(
        """\
        # Colours.
        enum Colour {
          RED
        }

        input Filter {
          by: String = "description 0"
        }

        schema {
          query: Query
        }

        # Two
        #   lines.
        type Query {
          # A "name".
          name(of: Filter, text: String = "description 1"): Colour @deprecated(reason: "x")
        }
        """
    )


def test_urls_of_a_page_are_signed_in_batches_that_lambda_takes() -> None:
    resolvers = resources("AWS::AppSync::Resolver").values()
    batches = {r["Properties"]["FieldName"]: r["Properties"].get("MaxBatchSize") for r in resolvers}
    assert {field: size for field, size in batches.items() if size is not None} == {"url": 200}
    # An event for a user in 40 groups is 12.6 KB, and Lambda takes 6 MB.
    assert 200 * 12_600 < 6 * 1024**2 / 2


@pytest.mark.parametrize(
    ("variant", "modes"), [("default", {"aws_cognito_user_pools", "aws_iam"}), ("auth-off", set[str]())]
)
def test_schema_opens_every_field_to_the_modes_of_the_api(variant: str, modes: set[str]) -> None:
    for node in types(variant).values():
        assert {directive.name.value for directive in node.directives} == modes
        assert not any(field.directives for field in node.fields)


# Removal, outputs and findings


@pytest.mark.parametrize(("variant", "policy"), [("default", "Retain"), ("throwaway", "Delete")])
@pytest.mark.parametrize("kind", ["AWS::S3::Bucket", "AWS::Cognito::UserPool", "AWS::KMS::Key"])
def test_data_outlives_the_stack_unless_retain_data_is_off(variant: str, policy: str, kind: str) -> None:
    data = resources(kind, variant)
    if kind == "AWS::KMS::Key":
        del data[keys(variant)[1]]
    [resource] = data.values()
    assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == (policy, policy)
    if kind == "AWS::Cognito::UserPool":
        protection = "ACTIVE" if policy == "Retain" else "INACTIVE"
        assert resource["Properties"].get("DeletionProtection", "INACTIVE") == protection


@pytest.mark.parametrize(
    ("variant", "who"), [("default", {"UserPoolId", "UserPoolClientId"}), ("auth-off", {"ApiKey", "ApiKeyExpires"})]
)
def test_outputs_are_the_names_that_clients_rely_on(variant: str, who: set[str]) -> None:
    outputs = {"GraphqlUrl", "CdnUrl", "Region", "BucketName", "FilesFolder", "DistributionId", "KeyGroupId"}
    assert set(synthesized(variant)["Outputs"]) == outputs | who


@each_variant
def test_every_finding_is_acknowledged(variant: str) -> None:
    assert assembly(variant).findings == []


def test_finding_that_is_not_acknowledged_fails_the_synth(tmp_path: Path) -> None:
    app, stack = build({}, tmp_path)
    s3.Bucket(stack, "Bare")
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()
    bare = "PrivateFiles/Bare/Resource"
    assert sorted(findings(tmp_path)) == [["AwsSolutions-S1", bare], ["AwsSolutions-S10", bare]]


def run_app(outdir: Path, context: dict[str, str]) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CDK_"))}
    environment |= {"CDK_OUTDIR": str(outdir), "CDK_CONTEXT_JSON": json.dumps(context)}
    return subprocess.run(
        [sys.executable, "app.py"], cwd=PROJECT, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_app_needs_no_credentials_and_makes_the_same_template(tmp_path: Path) -> None:
    done = run_app(tmp_path, {"signing_keys": "1,2:rsa-2048"})
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "PrivateFiles.template.json").read_text()) == synthesized("two-keys")
    assert [path.name for path in tmp_path.glob("*.template.json")] == ["PrivateFiles.template.json"]


@pytest.mark.slow
def test_app_makes_a_stack_for_us_east_1_only_for_the_distribution_that_it_is_given(tmp_path: Path) -> None:
    done = run_app(tmp_path, {"distribution_id": "E1A2B3C4D5E6F7"})
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "PrivateFiles.template.json").read_text()) == synthesized("default")
    alarms = (tmp_path / "PrivateFiles-us-east-1.template.json").read_text()
    assert "E1A2B3C4D5E6F7" in alarms


@pytest.mark.slow
def test_app_refuses_more_keys_than_a_group_holds(tmp_path: Path) -> None:
    done = run_app(tmp_path, {"signing_keys": "1,2,3,4,5,6"})
    assert done.returncode == 1
    assert "signing_keys cannot be '1,2,3,4,5,6': it takes at most 5 keys" in done.stderr.splitlines()[-1]


@pytest.mark.slow
def test_app_says_in_one_line_what_is_wrong_with_the_configuration(tmp_path: Path) -> None:
    done = run_app(tmp_path, {"auth": "maybe"})
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "Configuration: The context key auth cannot be 'maybe': it takes on or off."


# SnapStart


def snap_started(variant: str) -> set[str]:
    functions = template(variant).find_resources("AWS::Lambda::Function")
    return {each["Properties"]["Handler"] for each in functions.values() if "SnapStart" in each["Properties"]}


def test_snap_start_is_only_for_the_functions_behind_queries() -> None:
    assert snap_started("default") == set()
    assert snap_started("snap-start") == {"resolvers.files_handler.handler", "resolvers.url_handler.handler"}


def test_api_invokes_the_alias_of_a_published_version_with_snap_start() -> None:
    aliases = template("snap-start").find_resources("AWS::Lambda::Alias")
    sources = template("snap-start").find_resources("AWS::AppSync::DataSource").values()
    assert {source["Properties"]["LambdaConfig"]["LambdaFunctionArn"]["Ref"] for source in sources} == set(aliases)
    for alias in aliases.values():
        version, attribute = alias["Properties"]["FunctionVersion"]["Fn::GetAtt"]
        assert attribute == "Version"
        template("snap-start").has_resource("AWS::Lambda::Version", {})
        assert version in template("snap-start").find_resources("AWS::Lambda::Version")


def test_version_changes_with_the_signing_keys() -> None:
    # Otherwise the alias would still invoke a version that does not know the new key.
    one_key, two_keys = (
        {name for name in resources("AWS::Lambda::Version", variant) if "Url" in name}
        for variant in ("snap-start", "snap-start-two-keys")
    )
    assert one_key != two_keys
