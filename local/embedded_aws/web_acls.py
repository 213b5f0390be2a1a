"""CloudFormation patch: the type AWS::WAFv2::WebACLAssociation, with ministack's API for associations.

Nothing here refuses requests as WAF does: the association exists, so that the template can be deployed.
"""

from typing import Any

from ministack.services import waf

from local.embedded_aws import upstream

_CALLED = {"_associate_web_acl": "d165fba72258", "_disassociate_web_acl": "cc935be8d099"}


def apply() -> None:
    for name, digest in _CALLED.items():
        upstream.original(waf, name, digest)
    upstream.add_resource_type("AWS::WAFv2::WebACLAssociation", create=_associate, update=_update, delete=_disassociate)


def _associate(_logical_id: str, props: dict[str, Any], _stack: str) -> tuple[str, dict[str, str]]:
    request = {"WebACLArn": props["WebACLArn"], "ResourceArn": props["ResourceArn"]}
    upstream.body(waf._associate_web_acl(request))
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-wafv2-webaclassociation.html
    return f"{props['ResourceArn']}|{props['WebACLArn']}", {}


def _update(_physical_id: str, _old: object, new: dict[str, Any], stack: str) -> tuple[str, dict[str, str]]:
    return _associate("", new, stack)


def _disassociate(physical_id: str, _props: dict[str, Any]) -> None:
    waf._disassociate_web_acl({"ResourceArn": physical_id.partition("|")[0]})
