"""The distribution as it is deployed now, read through the AWS API."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from local.data_planes.cloudfront.cache import CachePolicy
from private_files.canned_policy import PublicKey, public_key

if TYPE_CHECKING:
    from types_boto3_cloudfront import CloudFrontClient
    from types_boto3_cloudfront.type_defs import (
        DistributionConfigOutputTypeDef,
        ResponseHeadersPolicyConfigOutputTypeDef,
    )


@dataclass(frozen=True)
class Distribution:
    """What the edge needs to know of a deployed distribution.

    `keys` are the trusted public keys by Key-Pair-Id (None: no signature is needed), `bucket_path` is the S3 address
    of the file `/`, `origin_request_headers` are the headers that S3 gets beside those of the cache policy,
    `invalidations` are the paths of each invalidation by its id.
    """

    domain_name: str
    allowed_methods: frozenset[str]
    https_only: bool
    keys: Mapping[str, PublicKey] | None
    bucket_path: str
    cache_policy: CachePolicy | None
    compress: bool
    origin_request_headers: frozenset[str]
    response_headers: "ResponseHeadersPolicyConfigOutputTypeDef | None"
    invalidations: Mapping[str, tuple[str, ...]]
    enabled: bool = True


def read(cloudfront: "CloudFrontClient", distribution_id: str) -> Distribution:
    """Return the distribution as it is deployed now.

    Raises ValueError if it has rules that this data plane does not check, because checking part of them could open
    what the rest closes.
    """
    found = cloudfront.get_distribution(Id=distribution_id)["Distribution"]
    config = found["DistributionConfig"]
    behavior = config["DefaultCacheBehavior"]
    if config.get("CacheBehaviors", {}).get("Quantity"):
        raise ValueError(
            "the distribution uses cache behaviors beside the default one, which this data plane does not support"
        )
    if behavior.get("TrustedSigners", {}).get("Enabled"):
        raise ValueError(
            "the distribution uses trusted signers instead of key groups, which this data plane does not support"
        )
    trusted = behavior.get("TrustedKeyGroups")
    policy_id = behavior.get("ResponseHeadersPolicyId")
    policies = cloudfront.get_response_headers_policy(Id=policy_id) if policy_id else None
    return Distribution(
        domain_name=found["DomainName"],
        allowed_methods=frozenset(behavior.get("AllowedMethods", {}).get("Items", ["GET", "HEAD"])),
        https_only=behavior["ViewerProtocolPolicy"] == "https-only",
        keys=_keys(cloudfront, trusted.get("Items", [])) if trusted and trusted["Enabled"] else None,
        bucket_path=_bucket_path(config),
        cache_policy=_cache_policy(cloudfront, config),
        compress=behavior.get("Compress", False),
        origin_request_headers=_origin_request_headers(cloudfront, behavior.get("OriginRequestPolicyId")),
        response_headers=policies["ResponseHeadersPolicy"]["ResponseHeadersPolicyConfig"] if policies else None,
        invalidations=_invalidations(cloudfront, distribution_id),
        enabled=config["Enabled"],
    )


def _bucket_path(config: "DistributionConfigOutputTypeDef") -> str:
    target = config["DefaultCacheBehavior"]["TargetOriginId"]
    origin = next(origin for origin in config["Origins"]["Items"] if origin["Id"] == target)
    return f"/{origin['DomainName'].partition('.s3.')[0]}{origin.get('OriginPath', '')}"


def _cache_policy(cloudfront: "CloudFrontClient", config: "DistributionConfigOutputTypeDef") -> CachePolicy | None:
    """Return the cache policy, or None if there is none, as in legacy cache settings: then nothing is cached."""
    policy_id = config["DefaultCacheBehavior"].get("CachePolicyId")
    if not policy_id:
        return None
    policy = cloudfront.get_cache_policy(Id=policy_id)["CachePolicy"]["CachePolicyConfig"]
    key = policy.get("ParametersInCacheKeyAndForwardedToOrigin")
    queries = key["QueryStringsConfig"] if key else None
    if key and (key["HeadersConfig"]["HeaderBehavior"] != "none" or key["CookiesConfig"]["CookieBehavior"] != "none"):
        raise ValueError("the cache policy has headers or cookies in its key, which this data plane does not support")
    if queries and queries["QueryStringBehavior"] == "allExcept":
        raise ValueError("the cache policy excludes query strings by name, which this data plane does not support")
    everything = queries is not None and queries["QueryStringBehavior"] == "all"
    errors = config.get("CustomErrorResponses", {}).get("Items", [])
    return CachePolicy(
        min_ttl=policy["MinTTL"],
        default_ttl=policy.get("DefaultTTL", 86_400),
        max_ttl=policy.get("MaxTTL", 31_536_000),
        query_strings=None
        if everything
        else frozenset(queries.get("QueryStrings", {}).get("Items", []) if queries else []),
        gzip=key is not None and key["EnableAcceptEncodingGzip"],
        error_ttls={
            error["ErrorCode"]: error["ErrorCachingMinTTL"] for error in errors if "ErrorCachingMinTTL" in error
        },
    )


def _origin_request_headers(cloudfront: "CloudFrontClient", policy_id: str | None) -> frozenset[str]:
    if not policy_id:
        return frozenset()
    policy = cloudfront.get_origin_request_policy(Id=policy_id)["OriginRequestPolicy"]["OriginRequestPolicyConfig"]
    return frozenset(name.lower() for name in policy["HeadersConfig"].get("Headers", {}).get("Items", []))


def _invalidations(cloudfront: "CloudFrontClient", distribution_id: str) -> dict[str, tuple[str, ...]]:
    listed = cloudfront.list_invalidations(DistributionId=distribution_id)["InvalidationList"].get("Items", [])
    return {item["Id"]: _paths(cloudfront, distribution_id, item["Id"]) for item in listed}


@lru_cache
def _paths(cloudfront: "CloudFrontClient", distribution_id: str, invalidation_id: str) -> tuple[str, ...]:
    found = cloudfront.get_invalidation(DistributionId=distribution_id, Id=invalidation_id)["Invalidation"]
    return tuple(found["InvalidationBatch"]["Paths"].get("Items", []))


def _keys(cloudfront: "CloudFrontClient", group_ids: list[str]) -> dict[str, PublicKey]:
    groups = [cloudfront.get_key_group(Id=group_id)["KeyGroup"]["KeyGroupConfig"] for group_id in group_ids]
    key_ids = {key_id for group in groups for key_id in group["Items"]}
    configs = {key_id: cloudfront.get_public_key(Id=key_id)["PublicKey"]["PublicKeyConfig"] for key_id in key_ids}
    return {key_id: public_key(config["EncodedKey"]) for key_id, config in configs.items()}
