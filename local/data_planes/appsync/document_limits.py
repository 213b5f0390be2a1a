"""Limits what a document may cost, before it is validated and executed."""

from collections import defaultdict
from collections.abc import Mapping

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    TokenKind,
)

from local.data_planes.appsync.errors import RequestError

# AppSync is built on graphql-java, whose parser has these limits by default:
# https://github.com/graphql-java/graphql-java/blob/master/src/main/java/graphql/parser/ParserOptions.java
MOST_TOKENS = 15_000
# The others are ours: validation and execution recurse, and compare each pair of fields with the same name.
DEEPEST = 100
LONGEST_NAME = 255
MOST_FRAGMENTS = 100
MOST_FIELDS = 30_000
MOST_PAIRS = 10_000

OPENING = {TokenKind.BRACE_L, TokenKind.BRACKET_L, TokenKind.PAREN_L}
CLOSING = {TokenKind.BRACE_R, TokenKind.BRACKET_R, TokenKind.PAREN_R}
# How long the lists of an introspection are, about: the document does not say how much it selects from them.
INTROSPECTION_LISTS = {"types": 25, "directives": 8, "fields": 5, "args": 2, "inputFields": 3, "enumValues": 5}

# A selection set and the fragments that it is part of.
Selections = tuple[SelectionSetNode, frozenset[str]]


def check_limits(document: DocumentNode) -> None:
    """Raise RequestError (400) if validating or executing the document could take long or recurse too deeply."""
    _check_tokens(document)
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    if len(fragments) > MOST_FRAGMENTS:
        raise _refused(f"has more than {MOST_FRAGMENTS} fragments")
    cost = _Cost(fragments)
    for node in document.definitions:
        if isinstance(node, OperationDefinitionNode):
            cost.add([(node.selection_set, frozenset())])
        elif isinstance(node, FragmentDefinitionNode):
            cost.add([(node.selection_set, frozenset([node.name.value]))])


def _check_tokens(document: DocumentNode) -> None:
    depth = 0
    token = document.loc.start_token if document.loc else None
    while token is not None:
        # An event lists the paths of all selected fields, so a long alias is repeated for each field below it.
        if token.kind == TokenKind.NAME and len(token.value or "") > LONGEST_NAME:
            raise _refused(f"has a name of more than {LONGEST_NAME} characters")
        depth += (token.kind in OPENING) - (token.kind in CLOSING)
        if depth > DEEPEST:
            raise _refused(f"nests deeper than {DEEPEST} levels")
        token = token.next


class _Cost:
    """Counts the selected fields with all fragments expanded, and the pairs that validation compares."""

    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._fragments = fragments
        self._fields = 0
        self._pairs = 0

    def add(self, waiting: list[Selections], depth: int = 0, times: int = 1, *, introspection: bool = False) -> None:
        """Count what is selected in one place, as execution collects it: fields of the same name are merged."""
        if depth > DEEPEST:
            raise _refused(f"nests deeper than {DEEPEST} levels")
        fields: defaultdict[str, list[tuple[FieldNode, frozenset[str]]]] = defaultdict(list)
        spread: set[str] = set()
        while waiting:
            selection_set, within = waiting.pop()
            for selection in selection_set.selections:
                self._fields += times
                if self._fields > MOST_FIELDS:
                    raise _refused(f"selects more than {MOST_FIELDS:,} fields with its fragments")
                if isinstance(selection, FieldNode):
                    fields[(selection.alias or selection.name).value].append((selection, within))
                elif isinstance(selection, InlineFragmentNode):
                    waiting.append((selection.selection_set, within))
                elif isinstance(selection, FragmentSpreadNode):
                    name = selection.name.value
                    # A cycle is for validation to report.
                    if name in self._fragments and name not in within and name not in spread:
                        spread.add(name)
                        waiting.append((self._fragments[name].selection_set, within | {name}))
        for same in fields.values():
            self._pairs += len(same) * (len(same) - 1)
            if self._pairs > MOST_PAIRS:
                raise _refused("repeats a field too often")
            if below := [(node.selection_set, within) for node, within in same if node.selection_set]:
                name = same[0][0].name.value
                meta = introspection or name.startswith("__")
                each = INTROSPECTION_LISTS.get(name, 1) if meta else 1
                self.add(below, depth + 1, times * each, introspection=meta)


def _refused(what: str) -> RequestError:
    return RequestError(400, "BadRequestException", f"The document {what}: make it simpler, or split it.")
