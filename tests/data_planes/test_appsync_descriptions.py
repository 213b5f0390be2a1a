"""What the data plane takes for the description of a type or field, which AppSync reads from comments."""

from typing import Any

from graphql import get_introspection_query, graphql_sync

from infra.schema import SCHEMA, deployable
from local.data_planes.appsync.schema import build_schema


def descriptions(sdl: str) -> dict[str, str | None]:
    """The description of each type and field, and of each argument, by its path."""
    data: Any = graphql_sync(build_schema(sdl), get_introspection_query()).data
    found: dict[str, str | None] = {}
    for kind in data["__schema"]["types"]:
        if kind["kind"] == "OBJECT" and not kind["name"].startswith("__"):
            found[kind["name"]] = kind["description"]
            for field in kind["fields"]:
                found[f"{kind['name']}.{field['name']}"] = field["description"]
                for argument in field["args"]:
                    found[f"{kind['name']}.{field['name']}.{argument['name']}"] = argument["description"]
    return found


def test_comments_before_a_type_or_field_are_its_description() -> None:
    sdl = """
        # Of all.
        #
        #   Indented.
        type Query { # not of the next line
          # A name.
          name(
            # not an argument's
            of: String
          ): String
          bare: String
          "In quotes."
          quoted: String
        }
    """
    assert descriptions(sdl) == {
        "Query": "Of all.\n\n  Indented.",
        "Query.name": "A name.",
        "Query.name.of": None,
        "Query.bare": None,
        "Query.quoted": None,
    }


def test_deployed_schema_describes_every_type_and_field() -> None:
    found = descriptions(deployable(SCHEMA.read_text(), auth=True))
    assert "File.url" in found and "Query.listFiles" in found
    assert [path for path, text in found.items() if not text and path.count(".") < 2] == []
