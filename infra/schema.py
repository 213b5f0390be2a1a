"""The schema of the API as AppSync takes it, made from `schema.graphql` and `uploads.graphql`."""

import argparse
import re
import sys
from pathlib import Path

from graphql import (
    REMOVE,
    DirectiveNode,
    FieldDefinitionNode,
    GraphQLSyntaxError,
    Node,
    Source,
    StringValueNode,
    TypeDefinitionNode,
    Visitor,
    VisitorAction,
    parse,
    print_ast,
    visit,
)

AUTH_DIRECTIVES = {"aws_api_key", "aws_auth", "aws_cognito_user_pools", "aws_iam", "aws_lambda", "aws_oidc"}
SCHEMA = Path(__file__).parent.parent / "schema.graphql"
UPLOADS_SCHEMA = SCHEMA.with_name("uploads.graphql")


def main() -> None:
    """Print the schema, or exit with one line that names the file and the line that cannot be parsed."""
    parser = argparse.ArgumentParser(prog="python -m infra.schema", description=__doc__)
    parser.add_argument("--no-auth", action="store_true", help="for a stack with `auth` off")
    parser.add_argument("--uploads", action="store_true", help="for a stack with `uploads` on")
    options = parser.parse_args()
    for file in (SCHEMA, UPLOADS_SCHEMA):
        text = file.read_text()
        try:
            parse(Source(text, file.name))
        except GraphQLSyntaxError as error:
            # Its own location is the line before, for what is first in a line.
            line = text.count("\n", 0, min(error.positions or [0])) + 1
            sys.exit(f"{file.name}, line {line}: {error.message}")
    sys.stdout.write(deployable(merged_schema(uploads=options.uploads), auth=not options.no_auth))


def merged_schema(*, uploads: bool) -> str:
    """Return the schema, with the mutations if there are uploads."""
    schema = SCHEMA.read_text()
    if not uploads:
        return schema
    # AppSync does not support `extend schema`.
    return (
        schema.replace("  query: Query\n", "  query: Query\n  mutation: Mutation\n") + "\n" + UPLOADS_SCHEMA.read_text()
    )


def deployable(schema: str, *, auth: bool) -> str:
    """Return the schema as AppSync takes it.

    Descriptions of types and fields are `#` comments, and there are no others: AppSync refused descriptions in quotes
    for years, drops them today, and takes a comment before a type or field as its description, but not one before an
    enum value. https://github.com/aws/aws-appsync-community/issues/38, /issues/410

    Without `auth`, the schema has no directives that restrict types and fields to authorization modes: a type that
    names modes refuses all others, so an API with only an API key needs a schema that names none.
    https://docs.aws.amazon.com/appsync/latest/devguide/security-authz.html
    """
    descriptions: list[str] = []

    class Deployable(Visitor):
        def enter(self, node: Node, *_: object) -> VisitorAction:
            if isinstance(node, DirectiveNode) and not auth and node.name.value in AUTH_DIRECTIVES:
                return REMOVE
            if description := getattr(node, "description", None):
                # Printed on a line of its own, which becomes the comment.
                placeholder = StringValueNode(value=f"description {len(descriptions)}")
                described = isinstance(node, (TypeDefinitionNode, FieldDefinitionNode))
                node.description = placeholder if described else None
                descriptions.extend([description.value] if described else [])
            return None

    def as_comment(line: re.Match[str]) -> str:
        lines = descriptions[int(line["number"])].splitlines()
        return "\n".join(f"{line['indent']}# {text}".rstrip() for text in lines)

    printed = print_ast(visit(parse(schema), Deployable()))
    return re.sub(r'^(?P<indent> *)"description (?P<number>\d+)"$', as_comment, printed, flags=re.MULTILINE) + "\n"


if __name__ == "__main__":
    main()
