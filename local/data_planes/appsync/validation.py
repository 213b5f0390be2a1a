"""Validates a document against the schema and reports what is wrong as AppSync does."""

import re
from typing import Any

from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLInputType,
    GraphQLSchema,
    ListValueNode,
    Node,
    NoSchemaIntrospectionCustomRule,
    NullValueNode,
    ObjectFieldNode,
    SelectionSetNode,
    TypeInfo,
    TypeInfoVisitor,
    ValueNode,
    VariableDefinitionNode,
    Visitor,
    get_named_type,
    is_non_null_type,
    specified_rules,
    validate,
    visit,
)

from local.data_planes.appsync.error_entries import locations
from local.data_planes.appsync.graphql_java import reworded, value_text

HIDDEN_FIELD = re.compile(r"GraphQL introspection has been disabled, .* the field '(\w+)'")
MISSING_INPUT_FIELD = re.compile(r"Field '\w+\.(\w+)' of required type .* was not provided")
EXTRA_INPUT_FIELD = re.compile(r"Field '(\w+)' is not defined by type '(\w+)'")


def validation_errors(schema: GraphQLSchema, document: DocumentNode, *, introspection: bool) -> list[dict[str, Any]]:
    """Get an ``errors`` entry for everything in the document that the schema does not allow.

    With ``introspection`` off, ``__schema`` and ``__type`` are fields like any other that does not exist.
    """
    rules = [*specified_rules] if introspection else [*specified_rules, NoSchemaIntrospectionCustomRule]
    errors = validate(schema, document, rules=rules, max_errors=None)
    if not errors:
        return []
    places = _Places(schema, document)
    entries = [places.entry(error) for error in errors]
    # graphql-core repeats a fault for each of its parts; one entry says it.
    return list({entry["message"] + str(entry["locations"]): entry for entry in entries if entry is not None}.values())


class _Places(Visitor):
    """Where each node of a document is: its ancestors, and the input type expected there."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode) -> None:
        super().__init__()
        self._type_info = TypeInfo(schema)
        self._chains: dict[int, tuple[Node, ...]] = {}
        self._input_types: dict[int, GraphQLInputType | None] = {}
        visit(document, TypeInfoVisitor(self._type_info, self))

    def enter(self, node: Node, _key: object, parent: object, _path: object, ancestors: list[Any]) -> None:
        # Lists of nodes are among the ancestors, and the parent is not.
        self._chains[id(node)] = tuple(part for part in (*ancestors, parent, node) if isinstance(part, Node))
        self._input_types[id(node)] = self._type_info.get_input_type()

    def entry(self, error: GraphQLError) -> dict[str, Any] | None:
        nodes = list(error.nodes or ())
        # A variable is at fault where it is used; a selection set is no place of its own.
        chain = self._chains[id(nodes[-1 if "used in position" in error.message else 0])] if nodes else ()
        if chain and isinstance(chain[-1], SelectionSetNode):
            chain = chain[:-1]
        if hidden := HIDDEN_FIELD.match(error.message):
            if hidden[1] not in ("__schema", "__type"):
                return None
            error_type, description = "FieldUndefined", f"Field '{hidden[1]}' in type 'Query' is undefined"
        else:
            error_type, description = reworded(error.message) or self._about_value(error, chain)
        faulty = nodes if error_type == "FieldsConflict" else [*chain[-1:]]
        # graphql-java finds a conflict on leaving the selection set around it.
        named = chain[:-1] if error_type == "FieldsConflict" else chain
        path = [node.name.value for node in named if isinstance(node, FieldNode | FragmentDefinitionNode)]
        where = f" @ '{'/'.join(path)}'" if path else ""
        return {
            "path": None,
            "locations": locations(GraphQLError(error.message, faulty)),
            "message": f"Validation error of type {error_type}: {description}{where}",
        }

    def _about_value(self, error: GraphQLError, chain: tuple[Node, ...]) -> tuple[str, str]:
        argument = next((node for node in chain if isinstance(node, ArgumentNode)), None)
        variable = next((node for node in chain if isinstance(node, VariableDefinitionNode)), None)
        if argument is None and variable is not None and variable.default_value is not None:
            text, name = value_text(variable.default_value), self._type_name(variable.default_value)
            return "BadValueForDefaultArg", f"Bad default value {text} for type {name}"
        if argument is None or not isinstance(chain[-1], ValueNode | ObjectFieldNode):
            return "InvalidSyntax", error.message
        value = chain[-1]
        label = _label(chain[chain.index(argument) :])
        whole = f"argument '{label}' with value '{value_text(argument.value)}'"
        if missing := MISSING_INPUT_FIELD.match(error.message):
            return "WrongType", f"{whole} is missing required fields '[{missing[1]}]'"
        if extra := EXTRA_INPUT_FIELD.match(error.message):
            return "WrongType", f"{whole} contains a field not in '{extra[2]}': '{extra[1]}'"
        if not isinstance(value, ValueNode):
            return "InvalidSyntax", error.message
        part = f"argument '{label}' with value '{value_text(value)}'"
        if isinstance(value, NullValueNode) and is_non_null_type(self._input_types[id(value)]):
            return "WrongType", f"{part} must not be null"
        return "WrongType", f"{part} is not a valid '{self._type_name(value)}'"

    def _type_name(self, value: ValueNode) -> str:
        expected = self._input_types.get(id(value))
        return get_named_type(expected).name if expected is not None else "null"


def _label(chain: tuple[Node, ...]) -> str:
    """Get ``sort[0].field`` for a chain of nodes that starts at an argument; an unknown field labels its object."""
    label = ""
    for parent, node in zip((None, *chain), chain, strict=False):
        if isinstance(node, ArgumentNode):
            label = node.name.value
        elif isinstance(parent, ListValueNode) and isinstance(node, ValueNode):
            label += f"[{parent.values.index(node)}]"
        elif isinstance(parent, ObjectFieldNode):
            label += f".{parent.name.value}"
    return label
