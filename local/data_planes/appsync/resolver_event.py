"""Builds the event of a direct Lambda resolver."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLIncludeDirective,
    GraphQLResolveInfo,
    GraphQLSkipDirective,
    InlineFragmentNode,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
    get_directive_values,
    print_ast,
)


def resolver_event(
    info: GraphQLResolveInfo,
    *,
    source: Any,
    arguments: Mapping[str, Any],
    identity: Mapping[str, Any] | None,
    headers: Mapping[str, str],
) -> dict[str, Any]:
    """Return the event, with every key that AppSync sends."""
    selections = [
        selection
        for node in info.field_nodes
        if node.selection_set is not None
        for selection in node.selection_set.selections
    ]
    return {
        "arguments": {**dict.fromkeys(_unset(info), None), **arguments},
        "identity": identity,
        "source": source,
        "request": {"headers": dict(headers), "domainName": None},
        "prev": None,
        "info": {
            "selectionSetList": list(dict.fromkeys(_paths(selections, info))),
            "selectionSetGraphQL": print_ast(SelectionSetNode(selections=tuple(selections))) if selections else "",
            "parentTypeName": info.parent_type.name,
            "fieldName": info.field_name,
            "variables": info.variable_values,
        },
        "stash": {},
    }


def _unset(info: GraphQLResolveInfo) -> Iterator[str]:
    """Return the arguments given by a variable without a value: AppSync passes null, GraphQL would pass nothing.

    Source: aws/aws-appsync-community issue 348.
    """
    for argument in info.field_nodes[0].arguments:
        if isinstance(argument.value, VariableNode) and argument.value.name.value not in info.variable_values:
            yield argument.name.value


def _paths(selections: Sequence[SelectionNode], info: GraphQLResolveInfo, parent: str = "") -> Iterator[str]:
    """Return `a` and `a/b` for the selected fields, by alias, with fragments merged and without skipped fields."""
    for selection in selections:
        skip = get_directive_values(GraphQLSkipDirective, selection, info.variable_values)
        include = get_directive_values(GraphQLIncludeDirective, selection, info.variable_values)
        if (skip and skip["if"]) or (include and not include["if"]):
            continue
        if isinstance(selection, FieldNode):
            path = parent + (selection.alias or selection.name).value
            yield path
            if selection.selection_set is not None:
                yield from _paths(selection.selection_set.selections, info, f"{path}/")
        elif isinstance(selection, InlineFragmentNode):
            yield from _paths(selection.selection_set.selections, info, parent)
        elif isinstance(selection, FragmentSpreadNode):
            fragment = info.fragments[selection.name.value]
            yield from _paths(fragment.selection_set.selections, info, parent)
