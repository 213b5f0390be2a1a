"""The keys that a distribution trusts: from the CloudFront API, or one from a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from private_files.canned_policy import PublicKey, public_key
from private_files.failures import Unconfigured
from private_files.settings import Settings


@dataclass(frozen=True)
class Keys:
    """Trusted keys by Key-Pair-Id; `group` is whose they are, `unread` says why there are none to check with."""

    by_id: Mapping[str, PublicKey] = field(default_factory=dict)
    group: str | None = None
    unread: str | None = None


def from_file(file: str, key_id: str) -> Keys:
    """The key in a PEM file, taken for the one that `key_id` names; raises Unconfigured."""
    try:
        return Keys({key_id: public_key(Path(file).read_text(encoding="utf-8"))})
    except OSError as error:
        raise Unconfigured(f"The public key {file} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise Unconfigured(f"The public key {file} cannot be used: {error}.") from None


def fetch(settings: Settings) -> Keys:
    """The keys in the key group of the stack; where they cannot be read, the reason instead."""
    group = settings.get("KeyGroupId")
    if not group:
        return Keys(unread="no outputs with a KeyGroupId, and no --public-key")
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - boto3 takes as long to load as all the rest

    from private_files import aws  # noqa: PLC0415

    try:
        cloudfront = aws.client(settings, "cloudfront", read_timeout=10)
        ids = cloudfront.get_key_group(Id=group)["KeyGroup"]["KeyGroupConfig"]["Items"]
        configs = {key_id: cloudfront.get_public_key(Id=key_id)["PublicKey"]["PublicKeyConfig"] for key_id in ids}
        return Keys({key_id: public_key(config["EncodedKey"]) for key_id, config in configs.items()}, group)
    except ClientError as error:
        return Keys(unread=f"CloudFront refuses to show its keys ({error.response['Error']['Code']})")
    except (BotoCoreError, ValueError, OSError) as error:
        return Keys(unread=f"the keys cannot be read from CloudFront ({error})")
