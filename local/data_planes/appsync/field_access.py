"""Which caller may see which field, by the authorization directives of the schema."""

from collections.abc import Iterable, Mapping

from graphql import DirectiveNode, GraphQLObjectType, ListValueNode, StringValueNode

from local.data_planes.appsync.callers import Caller
from local.data_planes.appsync.deployed_api import AuthMode, DeployedApi

MODES = {
    "aws_api_key": AuthMode.API_KEY,
    "aws_iam": AuthMode.IAM,
    "aws_oidc": AuthMode.OIDC,
    "aws_lambda": AuthMode.LAMBDA,
    "aws_cognito_user_pools": AuthMode.COGNITO,
}

Rule = Mapping[AuthMode, frozenset[str] | None]


def is_allowed(api: DeployedApi, caller: Caller, parent: GraphQLObjectType, field_name: str) -> bool:
    """Tell whether the caller may have the field: a directive on the field overrides those on its type.

    A field that nothing marks belongs to the default mode, whose default action may still be to deny.
    """
    field_node, type_node = parent.fields[field_name].ast_node, parent.ast_node
    extensions = [directive for node in parent.extension_ast_nodes for directive in node.directives]
    # With a second mode, AppSync no longer looks at @aws_auth.
    modes = MODES if len(api.providers) > 1 else {**MODES, "aws_auth": AuthMode.COGNITO}
    rule = _rule(field_node.directives if field_node else (), modes) or _rule(
        (*(type_node.directives if type_node else ()), *extensions), modes
    )
    if not rule:
        return caller.mode == api.default.mode and api.default.default_action == "ALLOW"
    if caller.mode not in rule:
        return False
    groups = rule[caller.mode]
    return groups is None or not groups.isdisjoint(caller.groups)


def _rule(directives: Iterable[DirectiveNode], modes: Mapping[str, AuthMode]) -> Rule:
    return {
        modes[directive.name.value]: _groups(directive) for directive in directives if directive.name.value in modes
    }


def _groups(directive: DirectiveNode) -> frozenset[str] | None:
    for argument in directive.arguments:
        if argument.name.value == "cognito_groups":
            values = argument.value.values if isinstance(argument.value, ListValueNode) else (argument.value,)
            return frozenset(value.value for value in values if isinstance(value, StringValueNode))
    return None
