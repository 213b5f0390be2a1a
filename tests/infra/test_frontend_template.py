"""The page's bucket, distribution and configuration in the synthesized stack."""

import json
from pathlib import Path

import aws_cdk as cdk
import pytest

from infra import frontend
from infra.config import Config
from infra.frontend import FrontendNotBuilt
from infra.stack import PrivateFilesStack
from tests.synthesized import Assembly, Resource, assembly, plain, synthesized

each_auth = pytest.mark.parametrize("auth", ["on", "off"])


def page(auth: str = "on") -> Assembly:
    """The stack with the page."""
    return assembly("page" if auth == "on" else "open-page")


def of_page(kind: str, auth: str = "on") -> tuple[str, Resource]:
    """The one resource of this type that belongs to the page."""
    [(logical_id, resource)] = [
        (logical_id, resource)
        for logical_id, resource in page(auth).template["Resources"].items()
        if resource["Type"] == kind and logical_id.startswith("Frontend")
    ]
    return logical_id, resource["Properties"]


def deployment(prefix: str | None, auth: str = "on") -> tuple[str, Resource]:
    """The resource that copies files into this folder of the bucket."""
    [found] = [
        (logical_id, resource["Properties"])
        for logical_id, resource in page(auth).template["Resources"].items()
        if resource["Type"] == "Custom::CDKBucketDeployment"
        and resource["Properties"].get("DestinationBucketKeyPrefix") == prefix
    ]
    return found


def content_security_policy(auth: str) -> dict[str, list[str]]:
    _, headers = of_page("AWS::CloudFront::ResponseHeadersPolicy", auth)
    security = headers["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
    assert security["ContentSecurityPolicy"]["Override"] is True
    text = plain(security["ContentSecurityPolicy"]["ContentSecurityPolicy"])
    assert " ;" not in text, "an output that is not there leaves no trace"
    directives = (directive.split() for directive in text.split(";"))
    return {name: sources for name, *sources in directives}


def cdn_url(auth: str) -> str:
    url: str = plain(page(auth).template["Outputs"]["CdnUrl"]["Value"])
    return url


def test_there_is_no_page_by_default() -> None:
    assert "FrontendUrl" not in synthesized("default")["Outputs"]
    assert not [name for name in synthesized("default")["Resources"] if "Frontend" in name or "BucketDeploy" in name]


def test_page_leaves_everything_else_as_it_is() -> None:
    assert synthesized("default")["Resources"].items() <= page().template["Resources"].items()


def test_output_says_where_the_page_is() -> None:
    distribution, _ = of_page("AWS::CloudFront::Distribution")
    outputs = page().template["Outputs"]
    assert plain(outputs["FrontendUrl"]["Value"]) == f"https://${{{distribution}.DomainName}}"
    assert set(outputs) == {*synthesized("default")["Outputs"], "FrontendUrl"}


def test_bucket_is_closed_to_all_but_the_distribution_and_the_functions_that_fill_and_empty_it() -> None:
    bucket, properties = of_page("AWS::S3::Bucket")
    distribution, _ = of_page("AWS::CloudFront::Distribution")
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(properties["PublicAccessBlockConfiguration"]) == 4
    _, policy = of_page("AWS::S3::BucketPolicy")
    assert policy["Bucket"] == {"Ref": bucket}
    statements = plain(policy["PolicyDocument"]["Statement"])
    conditions = [statement["Condition"] for statement in statements if statement["Effect"] == "Deny"]
    assert conditions == [{"Bool": {"aws:SecureTransport": "false"}}, {"NumericLessThan": {"s3:TlsVersion": 1.2}}]
    [emptying, reading] = [statement for statement in statements if statement["Effect"] == "Allow"]
    assert "S3AutoDeleteObjects" in emptying["Principal"]["AWS"]
    arn = f"arn:${{AWS::Partition}}:cloudfront::${{AWS::AccountId}}:distribution/${{{distribution}}}"
    assert reading == {
        "Effect": "Allow",
        "Principal": {"Service": "cloudfront.amazonaws.com"},
        "Action": "s3:GetObject",
        "Resource": f"${{{bucket}.Arn}}/*",
        "Condition": {"StringEquals": {"AWS:SourceArn": arn}},
    }


def test_distribution_serves_the_bucket_under_its_own_name_and_only_over_https() -> None:
    config = of_page("AWS::CloudFront::Distribution")[1]["DistributionConfig"]
    control, signing = of_page("AWS::CloudFront::OriginAccessControl")
    [origin] = config["Origins"]
    assert origin["DomainName"] == {"Fn::GetAtt": [of_page("AWS::S3::Bucket")[0], "RegionalDomainName"]}
    assert origin["OriginAccessControlId"] == {"Fn::GetAtt": [control, "Id"]}
    assert signing["OriginAccessControlConfig"]["SigningBehavior"] == "always"
    assert config["DefaultRootObject"] == "index.html"
    assert "CacheBehaviors" not in config
    behavior = config["DefaultCacheBehavior"]
    assert behavior["ViewerProtocolPolicy"] == "redirect-to-https"
    assert behavior["AllowedMethods"] == ["GET", "HEAD"]
    assert behavior["Compress"] is True
    assert behavior["ResponseHeadersPolicyId"] == {"Ref": of_page("AWS::CloudFront::ResponseHeadersPolicy")[0]}


@each_auth
def test_page_may_load_from_itself_and_this_stack_and_nothing_else(auth: str) -> None:
    policy = content_security_policy(auth)
    api = next(name for name, one in synthesized("default")["Resources"].items() if "GraphQLApi" in one["Type"])
    cognito = ["https://cognito-idp.${AWS::Region}.${AWS::URLSuffix}"] if auth == "on" else []
    assert policy["default-src"] == ["'none'"]
    assert policy["script-src"] == ["'self'"]
    outputs = page(auth).template["Outputs"]
    uploads = [plain(outputs["UploadsUrl"]["Value"])] if auth == "off" else []
    assert policy["connect-src"] == ["'self'", f"${{{api}.GraphQLUrl}}", *uploads, *cognito, cdn_url(auth)]
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == ["'none'"]
    # Blobs are the thumbnails that the page reads from large photos.
    assert policy.pop("img-src") == ["'self'", "blob:", cdn_url(auth)]
    # What the player of films makes of their parts, and of their subtitles.
    assert policy.pop("media-src") == ["blob:", "data:", cdn_url(auth)]
    sources = {source for name, sources in policy.items() if name.endswith("-src") for source in sources}
    assert sources <= {"'none'", "'self'", *policy["connect-src"]}


def test_policy_allows_nothing_unsafe() -> None:
    assert "unsafe" not in json.dumps(of_page("AWS::CloudFront::ResponseHeadersPolicy"))


def test_browsers_must_use_https_and_send_no_referrer() -> None:
    config = of_page("AWS::CloudFront::ResponseHeadersPolicy")[1]["ResponseHeadersPolicyConfig"]
    security = config["SecurityHeadersConfig"]
    assert security["StrictTransportSecurity"]["AccessControlMaxAgeSec"] == 31536000
    assert security["ContentTypeOptions"] == {"Override": True}
    assert security["ReferrerPolicy"] == {"Override": True, "ReferrerPolicy": "no-referrer"}
    assert {item["Header"]: item["Value"] for item in config["CustomHeadersConfig"]["Items"]} == {
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }


@pytest.mark.parametrize(
    ("auth", "who"),
    [("on", {"UserPoolId", "UserPoolClientId"}), ("off", {"ApiKey", "UploadsUrl"})],
    ids=["users", "api-key and uploads"],
)
def test_configuration_holds_the_outputs_that_the_page_needs_and_no_more(auth: str, who: set[str]) -> None:
    _, copied = deployment(None, auth)
    text = page(auth).configuration
    for marker, value in copied["SourceMarkers"][1].items():  # filled in by the deployment, as it does on AWS
        text = text.replace(marker, plain(value))
    outputs = page(auth).template["Outputs"]
    names = {"GraphqlUrl", "CdnUrl", "Region"} | who
    assert json.loads(text) == {name: plain(outputs[name]["Value"]) for name in names}


def test_assets_are_cached_for_a_year_and_the_rest_is_revalidated() -> None:
    assets, asset_files = deployment("assets/")
    name, page_files = deployment(None)
    assert asset_files["SystemMetadata"] == {"cache-control": "public, max-age=31536000, immutable"}
    assert page_files["SystemMetadata"] == {"cache-control": "no-cache"}
    # The page comes after what it loads, and clears away neither it nor what open pages still load.
    assert assets in page().template["Resources"][name]["DependsOn"]
    assert (page_files["Prune"], page_files["Exclude"], asset_files["Prune"]) == (True, ["assets/*"], False)


def test_every_file_of_the_built_page_is_deployed_once() -> None:
    found: dict[str, str] = {}
    for prefix in ("assets/", None):
        for key in deployment(prefix)[1]["SourceObjectKeys"]:
            for name in page().staged[key.removesuffix(".zip")]:
                assert found.setdefault(f"{prefix or ''}{name}", key) == key
    dist = frontend.FRONTEND / "dist"
    built = {path.relative_to(dist).as_posix() for path in dist.rglob("*") if path.is_file()}
    assert set(found) == built | {"config.json"}


def test_function_that_fills_the_bucket_changes_no_other_bucket_and_no_distribution() -> None:
    bucket, _ = of_page("AWS::S3::Bucket")
    _, policy = of_page("AWS::IAM::Policy")
    [logging, reading, writing] = plain(policy["PolicyDocument"]["Statement"])
    assert logging["Resource"] == f"${{{of_page('AWS::Logs::LogGroup')[0]}.Arn}}"
    assert reading["Action"] == ["s3:GetObject*", "s3:GetBucket*", "s3:List*"]
    assert writing["Resource"] == [f"${{{bucket}.Arn}}", f"${{{bucket}.Arn}}/*"]
    assert all(action.startswith("s3:") for action in writing["Action"])


@each_auth
def test_every_finding_is_acknowledged(auth: str) -> None:
    assert page(auth).findings == []


def test_page_that_is_not_built_is_not_deployed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(frontend, "FRONTEND", tmp_path)
    config = Config.from_context({"frontend": "on"})
    with pytest.raises(FrontendNotBuilt, match="run `make setup` first"):
        PrivateFilesStack(cdk.App(outdir=str(tmp_path / "out")), config.stack_name, config=config)
