"""The words of graphql-java, on which AppSync is built, for what graphql-core finds wrong in a document.

Names and wordings are those of ``ValidationErrorType`` and ``graphql.validation.rules``, in the generation of
graphql-java whose messages read ``Validation error of type X: … @ 'path'``.
"""

import re

from graphql.language import ast

# graphql-core's wording → ValidationErrorType, graphql-java's wording.
WORDINGS: list[tuple[str, str, str]] = [
    (r"Cannot query field '(\w+)' on type '(\w+)'", "FieldUndefined", "Field '{0}' in type '{1}' is undefined"),
    (r"Unknown argument '(\w+)' on field", "UnknownArgument", "Unknown field argument {0}"),
    (r"Unknown argument '(\w+)' on directive", "UnknownDirective", "Unknown directive argument {0}"),
    (r"Field '\w+' argument '(\w+)' of type", "MissingFieldArgument", "Missing field argument {0}"),
    (r"Directive '@\w+' argument '(\w+)' of type", "MissingDirectiveArgument", "Missing directive argument {0}"),
    (
        r"Field '(\w+)' must not have a selection since type '([^']+)'",
        "SubSelectionNotAllowed",
        "Sub selection not allowed on leaf type {1} of field {0}",
    ),
    (
        r"Field '(\w+)' of type '([^']+)' must have a selection",
        "SubSelectionRequired",
        "Sub selection required for type {1} of field {0}",
    ),
    (r"Unknown type '(\w+)'", "UnknownType", "Unknown type {0}"),
    (r"Variable '\$(\w+)' is not defined", "UndefinedVariable", "Undefined variable {0}"),
    (r"Variable '\$(\w+)' is never used", "UnusedVariable", "Unused variable {0}"),
    (r"Variable '\$\w+' cannot be non-input type", "NonInputTypeOnVariable", "Wrong type for a variable"),
    (
        r"Variable '\$\w+' of type '([^']+)' used in position expecting type '([^']+)'",
        "VariableTypeMismatch",
        "Variable type '{0}' doesn't match expected type '{1}'",
    ),
    (r"Fragment '(\w+)' is never used", "UnusedFragment", "Unused fragment {0}"),
    (r"Unknown fragment '(\w+)'", "UndefinedFragment", "Undefined fragment {0}"),
    (
        r"Fragment cannot condition on non composite type",
        "InlineFragmentTypeConditionInvalid",
        "Inline fragment type condition is invalid, must be on Object/Interface/Union",
    ),
    (
        r"Fragment '\w+' cannot condition on non composite type",
        "FragmentTypeConditionInvalid",
        "Fragment type condition is invalid, must be on Object/Interface/Union",
    ),
    (r"Cannot spread fragment '\w+' within itself", "FragmentCycle", "Fragment cycles not allowed"),
    (
        r"Fragment (?:'(\w+)' )?cannot be spread here as objects of type '(\w+)' can never be of type '(\w+)'",
        "InvalidFragmentType",
        "Fragment {0} cannot be spread here as objects of type {1} can never be of type {2}",
    ),
    (r"Unknown directive '@(\w+)'", "UnknownDirective", "Unknown directive {0}"),
    (r"Directive '@(\w+)' may not be used on", "MisplacedDirective", "Directive {0} not allowed here"),
    (
        r"This anonymous operation must be the only defined operation",
        "LoneAnonymousOperationViolation",
        "Anonymous operation with other operations.",
    ),
    (
        r"There can be only one operation named '(\w+)'",
        "DuplicateOperationName",
        "There can be only one operation named '{0}'",
    ),
    (
        r"There can be only one argument named '(\w+)'",
        "DuplicateArgumentNames",
        "There can be only one argument named '{0}'",
    ),
    (
        r"There can be only one variable named '\$(\w+)'",
        "DuplicateVariableName",
        "There can be only one variable named '{0}'",
    ),
    (
        r"Fields '(\w+)' conflict because '(\w+)' and '(\w+)' are different fields",
        "FieldsConflict",
        "{0}: {1} and {2} are different fields",
    ),
    (
        r"Fields '(\w+)' conflict because they return conflicting types '([^']+)' and '([^']+)'",
        "FieldsConflict",
        "{0}: they return differing types {1} and {2}",
    ),
    (
        r"Fields '(\w+)' conflict because they have differing arguments",
        "FieldsConflict",
        "{0}: they have differing arguments",
    ),
    (r"Fields '(\w+)' conflict because (.+?)\. Use different", "FieldsConflict", "{0}: {1}"),
]

WRAPPED = re.compile(r"[!\[\]]")


def reworded(message: str) -> tuple[str, str] | None:
    """Get the error type and the wording for a message of graphql-core; None for one about a value."""
    for pattern, error_type, wording in WORDINGS:
        if match := re.match(pattern, message):
            words = [word or "" for word in match.groups()]
            if error_type.startswith("SubSelection"):
                # A list or a non-null type has no name there.
                words[1] = "null" if WRAPPED.search(words[1]) else words[1]
            return error_type, wording.format(*words)
    return None


def value_text(value: ast.ValueNode) -> str:
    """Get a literal as ``toString()`` of its graphql-java node."""
    match value:
        case ast.VariableNode():
            return f"VariableReference{{name='{value.name.value}'}}"
        case ast.StringValueNode():
            return f"StringValue{{value='{value.value}'}}"
        case ast.EnumValueNode():
            return f"EnumValue{{name='{value.value}'}}"
        case ast.BooleanValueNode():
            return f"BooleanValue{{value={str(value.value).lower()}}}"
        case ast.IntValueNode():
            return f"IntValue{{value={value.value}}}"
        case ast.FloatValueNode():
            return f"FloatValue{{value={value.value}}}"
        case ast.ListValueNode():
            return f"ArrayValue{{values=[{', '.join(map(value_text, value.values))}]}}"
        case ast.ObjectValueNode():
            fields = (
                f"ObjectField{{name='{field.name.value}', value={value_text(field.value)}}}" for field in value.fields
            )
            return f"ObjectValue{{objectFields=[{', '.join(fields)}]}}"
        case _:
            return "NullValue{}"
