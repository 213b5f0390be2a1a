"""Decides which caller may have which field, by the authorization directives of the schema."""

from collections.abc import Iterable, Mapping

from graphql import DirectiveNode, GraphQLObjectType, ListValueNode, StringValueNode

from local.data_planes.appsync.callers import Caller
from local.data_planes.appsync.deployed_api import AuthMode, DeployedApi

MODES = {
    "aws_api_key": AuthMode.API_KEY,
    "aws_iam": AuthMode.IAM,
    "aws_cognito_user_pools": AuthMode.COGNITO,
}

Rule = Mapping[AuthMode, frozenset[str] | None]


def is_allowed(api: DeployedApi, caller: Caller, parent: GraphQLObjectType, field_name: str) -> bool:
    """Tell whether the caller may have the field. Directives on a field override those on its type.

    A field without directives is open to the default mode, unless its default action is to deny. Policies of an IAM
    caller can deny a top-level field that its directives allow.
    """
    if (parent.name, field_name) in caller.denied:
        return False
    field_node, type_node = parent.fields[field_name].ast_node, parent.ast_node
    extensions = [directive for node in parent.extension_ast_nodes for directive in node.directives]
    rule = _rule(field_node.directives if field_node else ()) or _rule(
        (*(type_node.directives if type_node else ()), *extensions)
    )
    if not rule:
        return caller.mode == api.default.mode and api.default.default_action == "ALLOW"
    if caller.mode not in rule:
        return False
    groups = rule[caller.mode]
    return groups is None or not groups.isdisjoint(caller.groups)


def _rule(directives: Iterable[DirectiveNode]) -> Rule:
    return {
        MODES[directive.name.value]: _groups(directive) for directive in directives if directive.name.value in MODES
    }


def _groups(directive: DirectiveNode) -> frozenset[str] | None:
    for argument in directive.arguments:
        if argument.name.value == "cognito_groups":
            values = argument.value.values if isinstance(argument.value, ListValueNode) else (argument.value,)
            return frozenset(value.value for value in values if isinstance(value, StringValueNode))
    return None
