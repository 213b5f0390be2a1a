"""The public keys that a distribution trusts: from the CloudFront API, or one from a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from private_files.canned_policy import PublicKey, public_key
from private_files.failures import Failure, Unconfigured
from private_files.outputs import Outputs


@dataclass(frozen=True)
class Keys:
    """Trusted keys by Key-Pair-Id; `group` is the id of their key group, `unread` the reason if there are no keys."""

    by_id: Mapping[str, PublicKey] = field(default_factory=dict)
    group: str | None = None
    unread: str | None = None


def from_file(file: str, key_id: str) -> Keys:
    """Return the key in a PEM file as the key with this id. Raises Unconfigured if it cannot be used."""
    try:
        return Keys({key_id: public_key(Path(file).read_text(encoding="utf-8"))})
    except OSError as error:
        raise Unconfigured(f"The public key {file} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise Unconfigured(f"The public key {file} cannot be used: {error}.") from None


def fetch(outputs: Outputs, *, own_credentials: bool = True) -> Keys:
    """Return the keys in the key group of the stack, or the reason why they cannot be read."""
    if not outputs.key_group_id:
        return Keys(unread="no outputs with a KeyGroupId, and no --public-key")
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - boto3 is slow to import

    from private_files import aws  # noqa: PLC0415

    try:
        cloudfront = aws.client(outputs, "cloudfront", own_credentials=own_credentials, read_timeout=10)
        ids = cloudfront.get_key_group(Id=outputs.key_group_id)["KeyGroup"]["KeyGroupConfig"]["Items"]
        configs = {key_id: cloudfront.get_public_key(Id=key_id)["PublicKey"]["PublicKeyConfig"] for key_id in ids}
        keys = {key_id: public_key(config["EncodedKey"]) for key_id, config in configs.items()}
        return Keys(keys, outputs.key_group_id)
    except ClientError as error:
        return Keys(unread=f"CloudFront does not allow reading its keys ({error.response['Error']['Code']})")
    except (Failure, BotoCoreError, ValueError, OSError) as error:
        return Keys(unread=f"the keys cannot be read from CloudFront ({str(error).rstrip('.')})")
