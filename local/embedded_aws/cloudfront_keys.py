"""CloudFormation patch: the types AWS::CloudFront::PublicKey and AWS::CloudFront::KeyGroup.

ministack implements the CloudFront API for public keys and key groups, but not these two CloudFormation types. The
patch adds handlers that call that API.
"""

from collections.abc import Callable
from typing import Any
from xml.etree.ElementTree import Element, SubElement, fromstring, tostring

from ministack.services import cloudfront

from local.embedded_aws import upstream

Response = tuple[int, dict[str, str], bytes]

_CALLED = {
    "_create_public_key": "374198a8b9d7",
    "_delete_public_key": "95563df4e976",
    "_create_key_group": "fe33d7c57ebd",
    "_update_key_group": "8bf09b6c4dba",
    "_delete_key_group": "1d7d4758dbdc",
    "find_distribution_for_label": "33f3c8e4b57b",
    "_trusted_key_group_ids": "ec430ca11dac",
}


def apply() -> None:
    for name, digest in _CALLED.items():
        upstream.original(cloudfront, name, digest)
    upstream.add_resource_type(
        "AWS::CloudFront::PublicKey",
        create=_create_public_key,
        update=_refuse_public_key_update,
        delete=_delete_public_key,
    )
    upstream.add_resource_type(
        "AWS::CloudFront::KeyGroup", create=_create_key_group, update=_update_key_group, delete=_delete_key_group
    )


def is_public(host: str) -> bool:
    """Return whether this is the host of a distribution without a key group: ministack checks no signed URLs."""
    label, _, domain = host.partition(":")[0].lower().partition(".")
    distribution = cloudfront.find_distribution_for_label(label) if domain == "cloudfront.net" else None
    return distribution is not None and not cloudfront._trusted_key_group_ids(distribution)


def _create_public_key(_logical_id: str, props: dict[str, Any], _stack: str) -> tuple[str, dict[str, str]]:
    return _created(cloudfront._create_public_key(_xml("PublicKeyConfig", props["PublicKeyConfig"])))


def _refuse_public_key_update(*_: object) -> None:
    # CloudFormation's own message when a template changes a key in place.
    raise ValueError("Invalid request provided: AWS::CloudFront::PublicKey")


def _delete_public_key(physical_id: str, _props: dict[str, Any]) -> None:
    _delete(cloudfront._public_keys, physical_id, cloudfront._delete_public_key)


def _create_key_group(_logical_id: str, props: dict[str, Any], _stack: str) -> tuple[str, dict[str, str]]:
    return _created(cloudfront._create_key_group(_xml("KeyGroupConfig", props["KeyGroupConfig"])))


def _update_key_group(
    physical_id: str, _old: dict[str, Any], new: dict[str, Any], _stack: str
) -> tuple[str, dict[str, str]]:
    etag = {"if-match": cloudfront._key_groups[physical_id]["ETag"]}
    body = _xml("KeyGroupConfig", new["KeyGroupConfig"])
    return _created(cloudfront._update_key_group(physical_id, etag, body))


def _delete_key_group(physical_id: str, _props: dict[str, Any]) -> None:
    _delete(cloudfront._key_groups, physical_id, cloudfront._delete_key_group)


def _created(response: Response) -> tuple[str, dict[str, str]]:
    identifier = fromstring(upstream.body(response)).findtext("{*}Id") or ""  # noqa: S314 - XML of the emulator itself
    return identifier, {"Id": identifier}


def _delete(store: Any, physical_id: str, delete: Callable[[str, dict[str, str]], Response]) -> None:
    if physical_id in store:  # deleting what is already gone succeeds
        upstream.body(delete(physical_id, {"if-match": store[physical_id]["ETag"]}))


def _xml(tag: str, config: dict[str, Any]) -> bytes:
    root = Element(tag)
    for name, value in config.items():
        if isinstance(value, list):
            items = SubElement(root, name)
            for item in value:
                SubElement(items, "PublicKey").text = item
        else:
            SubElement(root, name).text = value
    return tostring(root)
