"""Validates a document against the schema and reports the errors as AppSync does."""

from contextlib import suppress
from functools import partial
from typing import Any

import graphql
from graphql import (
    ASTValidationRule,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    NoSchemaIntrospectionCustomRule,
    ParallelVisitor,
    SelectionSetNode,
    TypeInfo,
    TypeInfoVisitor,
    ValidationContext,
    specified_rules,
    visit,
)

from local.data_planes.appsync.error_entries import locations

# The rule that reports an error → AppSync's name for the error: `ValidationErrorType` of graphql-java, on which AppSync
# is built. A rule without a name here reports `InvalidSyntax`.
ERROR_TYPES: dict[type[ASTValidationRule], str] = {
    NoSchemaIntrospectionCustomRule: "FieldUndefined",
    graphql.ExecutableDefinitionsRule: "NonExecutableDefinition",
    graphql.UniqueOperationNamesRule: "DuplicateOperationName",
    graphql.LoneAnonymousOperationRule: "LoneAnonymousOperationViolation",
    graphql.KnownTypeNamesRule: "UnknownType",
    graphql.FragmentsOnCompositeTypesRule: "FragmentTypeConditionInvalid",
    graphql.VariablesAreInputTypesRule: "NonInputTypeOnVariable",
    graphql.ScalarLeafsRule: "SubSelectionRequired",
    graphql.FieldsOnCorrectTypeRule: "FieldUndefined",
    graphql.UniqueFragmentNamesRule: "DuplicateFragmentName",
    graphql.KnownFragmentNamesRule: "UndefinedFragment",
    graphql.NoUnusedFragmentsRule: "UnusedFragment",
    graphql.PossibleFragmentSpreadsRule: "InvalidFragmentType",
    graphql.NoFragmentCyclesRule: "FragmentCycle",
    graphql.UniqueVariableNamesRule: "DuplicateVariableName",
    graphql.NoUndefinedVariablesRule: "UndefinedVariable",
    graphql.NoUnusedVariablesRule: "UnusedVariable",
    graphql.KnownDirectivesRule: "UnknownDirective",
    graphql.UniqueDirectivesPerLocationRule: "DuplicateDirectiveName",
    graphql.KnownArgumentNamesRule: "UnknownArgument",
    graphql.UniqueArgumentNamesRule: "DuplicateArgumentNames",
    graphql.ValuesOfCorrectTypeRule: "WrongType",
    graphql.ProvidedRequiredArgumentsRule: "MissingFieldArgument",
    graphql.VariablesInAllowedPositionRule: "VariableTypeMismatch",
    graphql.OverlappingFieldsCanBeMergedRule: "FieldsConflict",
}
# graphql-java stops here, too.
MOST_ERRORS = 100
# Two rules report errors of two types, which the node at fault tells apart.
ERROR_TYPES_BY_NODE = {
    (graphql.ScalarLeafsRule, SelectionSetNode): "SubSelectionNotAllowed",
    (graphql.ProvidedRequiredArgumentsRule, DirectiveNode): "MissingDirectiveArgument",
}


class _EnoughErrors(Exception):
    """The document has MOST_ERRORS errors; what follows is not validated."""


def validation_errors(schema: GraphQLSchema, document: DocumentNode, *, introspection: bool) -> list[dict[str, Any]]:
    """Return an entry of `errors` for everything in the document that the schema does not allow, up to MOST_ERRORS.

    With `introspection` off, `__schema` and `__type` are undefined fields.
    """
    rules = [*specified_rules] if introspection else [*specified_rules, NoSchemaIntrospectionCustomRule]
    found: list[tuple[type[ASTValidationRule], GraphQLError]] = []

    def report(rule: type[ASTValidationRule], error: GraphQLError) -> None:
        if rule is not NoSchemaIntrospectionCustomRule or _is_meta_field(error):
            found.append((rule, error))
        if len(found) == MOST_ERRORS:
            raise _EnoughErrors

    # As `graphql.validate` does, with a context for each rule, because an error does not say which rule reported it.
    type_info = TypeInfo(schema)
    visitors = [rule(ValidationContext(schema, document, type_info, partial(report, rule))) for rule in rules]
    with suppress(_EnoughErrors):
        visit(document, TypeInfoVisitor(type_info, ParallelVisitor(visitors)))
    found.sort(key=lambda entry: rules.index(entry[0]))
    return [_entry(rule, error) for rule, error in found]


def _is_meta_field(error: GraphQLError) -> bool:
    """Tell whether the error is about `__schema` or `__type` itself, not about a field below it."""
    return any(isinstance(node, FieldNode) and node.name.value.startswith("__") for node in error.nodes or ())


def _entry(rule: type[ASTValidationRule], error: GraphQLError) -> dict[str, Any]:
    error_type = ERROR_TYPES.get(rule, "InvalidSyntax")
    for node in error.nodes or ():
        error_type = ERROR_TYPES_BY_NODE.get((rule, type(node)), error_type)
    return {
        "path": None,
        "locations": locations(error),
        "message": f"Validation error of type {error_type}: {error.message}",
    }
