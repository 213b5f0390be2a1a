"""A deployed distribution, as the CloudFront API describes it."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from private_files.canned_policy import PublicKey, public_key

if TYPE_CHECKING:
    from types_boto3_cloudfront import CloudFrontClient

log = logging.getLogger(__name__)

FRESH_SECONDS = 1.0
STALE_SECONDS = 30.0


@dataclass(frozen=True)
class Distribution:
    """Whom the distribution trusts (`keys` by Key-Pair-Id, `None`: everyone) and what it lets through."""

    domain_name: str
    allowed_methods: frozenset[str]
    https_only: bool
    keys: Mapping[str, PublicKey] | None


class Unknown(Exception):
    """What the distribution trusts cannot be read, and what was last read is too old to rely on."""


def describe(cloudfront: "CloudFrontClient", distribution_id: str) -> Distribution:
    """The distribution as it is deployed now; `ValueError` if it has rules that this edge does not check."""
    found = cloudfront.get_distribution(Id=distribution_id)["Distribution"]
    config = found["DistributionConfig"]
    behavior = config["DefaultCacheBehavior"]
    # Reading only part of the rules would open what the rest of them closes.
    if config.get("CacheBehaviors", {}).get("Quantity"):
        raise ValueError("it has cache behaviors beside the default one")
    if behavior.get("TrustedSigners", {}).get("Enabled"):
        raise ValueError("it trusts AWS accounts instead of key groups")
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


class Watch:
    """The distribution, never older than a second while the API answers, and never read more often than that."""

    def __init__(
        self, cloudfront: "CloudFrontClient", distribution_id: str, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._cloudfront = cloudfront
        self._id = distribution_id
        self._monotonic = monotonic
        self._one_at_a_time = asyncio.Lock()
        self._last: Distribution | None = None
        self._tried_at = self._read_at = float("-inf")

    async def current(self) -> Distribution:
        """The distribution; raises `Unknown` when it could not be read for longer than `STALE_SECONDS`."""
        async with self._one_at_a_time:
            if self._monotonic() - self._tried_at >= FRESH_SECONDS:
                await self._read()
        if self._last is None or self._monotonic() - self._read_at > STALE_SECONDS:
            raise Unknown
        return self._last

    async def _read(self) -> None:
        self._tried_at = self._monotonic()
        try:
            self._last = await asyncio.to_thread(describe, self._cloudfront, self._id)
            self._read_at = self._tried_at
        except (BotoCoreError, ClientError, ValueError) as error:
            log.error("cannot read distribution %s: %s", self._id, error)
