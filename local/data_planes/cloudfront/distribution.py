"""The distribution as it is deployed now, read through the AWS API."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from private_files.canned_policy import PublicKey, public_key

if TYPE_CHECKING:
    from types_boto3_cloudfront import CloudFrontClient


@dataclass(frozen=True)
class Distribution:
    """What the edge checks: the trusted public keys by Key-Pair-Id (None: no signature is needed) and the methods."""

    domain_name: str
    allowed_methods: frozenset[str]
    https_only: bool
    keys: Mapping[str, PublicKey] | None


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
            "the distribution uses cache behaviors beside the default one, which this data plane does not do"
        )
    if behavior.get("TrustedSigners", {}).get("Enabled"):
        raise ValueError(
            "the distribution uses trusted signers instead of key groups, which this data plane does not do"
        )
    trusted = behavior.get("TrustedKeyGroups")
    return Distribution(
        domain_name=found["DomainName"],
        allowed_methods=frozenset(behavior.get("AllowedMethods", {}).get("Items", ["GET", "HEAD"])),
        https_only=behavior["ViewerProtocolPolicy"] == "https-only",
        keys=_keys(cloudfront, trusted.get("Items", [])) if trusted and trusted["Enabled"] else None,
    )


def _keys(cloudfront: "CloudFrontClient", group_ids: list[str]) -> dict[str, PublicKey]:
    groups = [cloudfront.get_key_group(Id=group_id)["KeyGroup"]["KeyGroupConfig"] for group_id in group_ids]
    key_ids = {key_id for group in groups for key_id in group["Items"]}
    configs = {key_id: cloudfront.get_public_key(Id=key_id)["PublicKey"]["PublicKeyConfig"] for key_id in key_ids}
    return {key_id: public_key(config["EncodedKey"]) for key_id, config in configs.items()}
