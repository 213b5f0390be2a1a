"""The documentation: its commands work and print what it promises, its links and tables are complete."""

from __future__ import annotations

import ast
import itertools
import json
import os
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from graphql import OperationDefinitionNode, parse, print_ast

from infra.config import Config
from private_files import canned_policy, command_line
from tests import PROJECT, aws_command, pages
from tests.graphql_caller import execute, sign_in
from tests.pages import PAGES, blocks
from tests.running_stack import Stack

BY_NAME = {pages.name(page): page for page in PAGES}
every_page = pytest.mark.parametrize("page", BY_NAME.values(), ids=BY_NAME)


@pytest.fixture(scope="module")
def documented(documented_stack: Stack) -> Stack:
    return documented_stack


@pytest.fixture(scope="module")
def user(documented: Stack) -> dict[str, str]:
    return {"Authorization": sign_in(documented)["AccessToken"]}


@every_page
def test_commands_of_a_page_run_and_print_what_it_promises(
    page: Path, documented: Stack, user: dict[str, str], tmp_path: Path
) -> None:
    session = pages.run(page, documented, user["Authorization"], tmp_path)
    assert session.exit_code == 0, session.errors[-3000:]
    for text in pages.promised(page):
        assert text in session.printed, session.printed
    for call in session.calls:
        check(*call)


def check(program: str, *arguments: str) -> None:
    """Fail if the program would not accept these arguments."""
    options = {argument.partition("=")[0] for argument in arguments if re.match(r"--?[A-Za-z]", argument)}
    match program:
        case "aws":
            aws_command.parse(*arguments)
        case "pip" | "pre-commit":
            assert options <= known_options(program, arguments[0], "--help"), arguments
        case "cdk":
            assert options <= known_options("cdk", arguments[0], "--help"), arguments
            settings = [value for flag, value in itertools.pairwise(arguments) if flag == "-c"]
            given = dict(setting.split("=", 1) for setting in settings)
            Config.from_context(json.loads((PROJECT / "cdk.json").read_text())["context"] | given)
        case "curl":
            assert options <= known_options("curl", "--help", "all"), arguments
        case "ffmpeg":
            known = known_options("ffmpeg", "-v", "quiet", "-h", "full")
            assert {option.partition(":")[0] for option in options} <= known, arguments
        case "make":
            plain = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
            subprocess.run(["make", "-n", *arguments], cwd=PROJECT, env=plain, capture_output=True, check=True)
        case "private-files":
            try:
                command_line.parse(list(arguments))
            except SystemExit as stopped:  # after --help or --version
                assert not stopped.code, arguments
        case "python":
            assert arguments[0] == "-m", arguments
            words = itertools.takewhile(lambda word: not word.startswith("--"), arguments)
            assert options - {"-m"} <= known_options("python", *words, "--help"), arguments
        case _:
            raise AssertionError(program)


@cache
def known_options(*command: str) -> set[str]:
    """Return the options in the help that the command prints."""
    shown = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True, timeout=60).stdout
    return set(re.findall(r"(?<![\w-])--?[A-Za-z][\w-]*", shown))


@every_page
def test_block_is_run_or_says_why_not(page: Path) -> None:
    for block in blocks(page):
        assert block.language in ("sh", "python", "js", "graphql", "json"), block.where
        assert block.why is None or block.language == "sh", f"{block.where} runs in spite of its comment"
        touches_aws = re.search(r"^(cdk|make) ", block.text, re.M)
        assert not touches_aws or block.why, f"{block.where} needs a comment: <!-- checked, not run: … -->"
        if block.language == "json":
            json.loads(block.text)


def operations(text: str) -> list[str]:
    return [print_ast(node) for node in parse(text).definitions if isinstance(node, OperationDefinitionNode)]


QUERIES = {
    f"{block.where}-{number}": operation
    for page in PAGES
    for block in blocks(page)
    if block.language == "graphql"
    for number, operation in enumerate(operations(block.text))
}


@pytest.mark.parametrize("operation", QUERIES.values(), ids=QUERIES)
def test_query_of_a_page_returns_data(operation: str, documented: Stack, user: dict[str, str]) -> None:
    (answer,) = execute(documented, operation, user).values()
    assert answer


def slug(heading: str) -> str:
    """Return the anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@every_page
def test_every_link_within_the_project_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), target
        if anchor and found.suffix == ".py":
            assert re.search(rf"^ *def {anchor}\(", found.read_text(), re.M), target
        elif anchor:
            assert anchor in map(slug, re.findall(r"^#+ (.+)$", found.read_text(), re.M)), target


def test_readme_links_every_page() -> None:
    linked = set(re.findall(r"\]\(([^)#]+)", (PROJECT / "README.md").read_text()))
    assert {pages.name(page) for page in PAGES} - {"README.md"} <= linked


def test_picture_loads_nothing_from_other_sites() -> None:
    picture = (PROJECT / "docs" / "path.svg").read_text()
    assert set(re.findall(r"https?://[^\"]+", picture)) == {"http://www.w3.org/2000/svg"}
    assert all(reference.startswith("#") for reference in re.findall(r"(?:href=\"|url\()([^\")]+)", picture))


def exceptions() -> Iterator[str]:
    """Yield the name of every exception that a resolver can raise; RequestRefused is only their base class."""
    bases = {
        node.name: {base.id for base in node.bases if isinstance(base, ast.Name)}
        for file in (PROJECT / "resolvers").glob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ClassDef)
    }
    known = {"ValueError", "RuntimeError"}
    while found := {name for name, of in bases.items() if of & known} - known:
        known |= found
    yield from known - {"ValueError", "RuntimeError", "RequestRefused"}


def test_every_exception_of_a_resolver_has_advice_and_no_other() -> None:
    text = (PROJECT / "docs" / "troubleshoot.md").read_text()
    of_fields = text[text.index("## GraphQL responses") : text.index("These come from AppSync")]
    of_deployments = text[text.index("## A deployment is refused") :]
    named = set(re.findall(r"^\| `(\w+)` \|", of_fields, re.M)) - {"errorType"}
    assert "`ChangeRefused`" in of_deployments
    # The handler of the rotation turns UnsafeRotation into ChangeRefused.
    assert named | {"ChangeRefused", "UnsafeRotation"} == set(exceptions())


def test_every_refusal_of_the_edge_has_advice() -> None:
    text = (PROJECT / "docs" / "troubleshoot.md").read_text()
    for refused in canned_policy.Refused.__subclasses__():
        assert f"| edge | `{refused.code}`" in text


def test_settings_are_all_described_with_their_defaults() -> None:
    defaults = json.loads((PROJECT / "cdk.json").read_text())["context"]
    rows = re.findall(r"^\| (`.+?) \| (.*?)\| ", (PROJECT / "docs" / "configure.md").read_text(), re.M)
    described: dict[str, str] = {}
    for keys, values in rows:
        names, given = re.findall(r"`([^`]+)`", keys), re.findall(r"`([^`]+)`", values)
        described |= dict(zip(names, given or [""] * len(names), strict=True))
    assert described == {key: str(value) for key, value in defaults.items()}
