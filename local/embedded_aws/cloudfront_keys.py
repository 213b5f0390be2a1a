"""CloudFormation types that ministack lacks: AWS::CloudFront::PublicKey and AWS::CloudFront::KeyGroup."""

from collections.abc import Callable
from typing import Any
from xml.etree.ElementTree import Element, SubElement, fromstring, tostring

from ministack.services import cloudfront
from ministack.services.cloudformation import provisioners

Answer = tuple[int, dict[str, str], bytes]


def teach() -> None:
    provisioners._RESOURCE_HANDLERS["AWS::CloudFront::PublicKey"] = {
        "create": _create_public_key,
        "update": _refuse_public_key_update,
        "delete": _delete_public_key,
    }
    provisioners._RESOURCE_HANDLERS["AWS::CloudFront::KeyGroup"] = {
        "create": _create_key_group,
        "update": _update_key_group,
        "delete": _delete_key_group,
    }


def _create_public_key(_logical_id: str, props: dict[str, Any], _stack: str) -> tuple[str, dict[str, str]]:
    return _created(cloudfront._create_public_key(_xml("PublicKeyConfig", props["PublicKeyConfig"])))


def _refuse_public_key_update(*_: object) -> None:
    # CloudFormation's own words when a template changes a key in place.
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


def _created(answer: Answer) -> tuple[str, dict[str, str]]:
    identifier = fromstring(_checked(answer)).findtext("{*}Id") or ""  # noqa: S314 - the emulator's own answer
    return identifier, {"Id": identifier}


def _delete(store: Any, physical_id: str, delete: Callable[[str, dict[str, str]], Answer]) -> None:
    if physical_id in store:  # gone already is what was asked for
        _checked(delete(physical_id, {"if-match": store[physical_id]["ETag"]}))


def _checked(answer: Answer) -> bytes:
    status, _headers, body = answer
    if status >= 400:
        raise ValueError(body.decode() if isinstance(body, bytes) else str(body))
    return body


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
