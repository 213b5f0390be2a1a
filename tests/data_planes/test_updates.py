"""What `make up` puts into the running stack after a change, and what it refuses."""

import asyncio
import io
import json
import re
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from infra import schema
from local import function_code, page_build, programs, updates
from local.watch import NotApplied
from private_files.outputs import Outputs
from tests.children import cancel_once_written, wait_until_ended

PARSE_ERROR = """\
\x1b[31m✗ Build failed in 176ms
error during build:
Build failed with 1 error:

\x1b[31m[builtin:vite-transform] \x1b[0mUnexpected token
    \x1b[38;5;246m╭─\x1b[0m\x1b[38;5;246m[\x1b[0m frontend/src/App.tsx:66:12 \x1b[38;5;246m]\x1b[0m
 \x1b[38;5;246m66 │\x1b[0m const x = {;

    at aggregateBindingErrorsIntoJsError (file:///somewhere/rolldown/dist/shared/error-CLo6EJKG.mjs:50:18)
"""
STYLE_ERROR = f"""\
error during build:
Build failed with 1 error:

[plugin vite:css] {programs.PROJECT}/frontend/src/style.css:690:0
CssSyntaxError: [postcss] {programs.PROJECT}/frontend/src/style.css:690:1: Unclosed block
    at Input.error (/somewhere/postcss/lib/input.js:135:16)
"""
CONFIGURATION_ERROR = """\
failed to load config from /somewhere/frontend/vite.config.mts
error during build:
Error: Build failed with 1 error:

[PARSE_ERROR] Unexpected token
    ╭─[ frontend/vite.config.mts:21:1 ]
"""


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        (PARSE_ERROR, "frontend/src/App.tsx, line 66: Unexpected token"),
        (STYLE_ERROR, "frontend/src/style.css, line 690: Unclosed block"),
        (CONFIGURATION_ERROR, "frontend/vite.config.mts, line 21: Unexpected token"),
        ("node: command not found\n", "node: command not found"),
        ("", "Vite printed nothing"),
    ],
)
def test_failed_build_is_one_line_with_file_and_line(printed: str, expected: str) -> None:
    assert page_build.first_error(printed) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (b"a = 1\ndef b(:\n", r"resolvers/a\.py, line 2: invalid syntax"),
        (b"a = 1\n\tb = 1\n", r"resolvers/a\.py, line 2: unexpected indent"),
        (b"a = 1\x00", r"resolvers/a\.py.*null bytes"),
        (b"# \xff\n", r"resolvers/a\.py: 'utf-8' codec can't decode byte 0xff"),
    ],
)
def test_module_that_python_cannot_read_is_refused(source: bytes, expected: str, tmp_path: Path) -> None:
    (tmp_path / "resolvers").mkdir()
    (tmp_path / "resolvers" / "a.py").write_bytes(source)
    with pytest.raises(NotApplied, match=expected):
        function_code.compiled(tmp_path / "resolvers")


@pytest.fixture
def assembly(tmp_path: Path) -> Path:
    """What the CDK wrote: two functions with their code, and one of the CDK's own."""
    with zipfile.ZipFile(tmp_path / "asset.1.zip", "w") as archive:
        for name in ("resolvers/url_handler.py", "resolvers/old.py", "jmespath/__init__.py"):
            archive.writestr(name, "before")

    def function(handler: str) -> Any:
        metadata = {"aws:asset:path": "asset.1.zip"}
        return {"Type": "AWS::Lambda::Function", "Properties": {"Handler": handler}, "Metadata": metadata}

    resources = {name: function(f"resolvers.{name}_handler.handler") for name in ("url", "files")}
    template = {"Resources": {**resources, "own": function("index.handler"), "bucket": {"Type": "AWS::S3::Bucket"}}}
    (tmp_path / "PrivateFiles.template.json").write_text(json.dumps(template))
    return tmp_path


def test_code_is_what_was_deployed_with_the_sources_of_now(assembly: Path) -> None:
    archive = function_code.archive(assembly / "asset.1.zip", {"url_handler.py": b"after", "new.py": b"new"})
    with zipfile.ZipFile(io.BytesIO(archive)) as read:
        found = {name: read.read(name) for name in read.namelist()}
    assert found == {
        "jmespath/__init__.py": b"before",
        "resolvers/url_handler.py": b"after",
        "resolvers/new.py": b"new",
    }


class FakeAws:
    """Records what is called on any client, and returns what is deployed."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        handlers = ("resolvers.url_handler.handler", "resolvers.files_handler.handler", "index.handler")
        functions = [{"Handler": handler, "FunctionName": handler.split(".")[-2]} for handler in handlers]
        self._responses = {
            "list_buckets": {"Buckets": [{"Name": "files"}, {"Name": "cdk-assets"}]},
            "list_graphql_apis": {"graphqlApis": [{"apiId": "a"}]},
            "publish_version": {"Version": "2"},
        }
        self._pages: dict[str, list[Any]] = {
            "list_functions": [{"Functions": functions[:1]}, {"Functions": functions[1:]}],
            "list_resolvers": [{"resolvers": [{"fieldName": "a"}]}],
        }

    def client(self, _service: str, *, attempts: int) -> Any:
        assert attempts == 1  # Ctrl-C waits for the last request
        return self

    def get_paginator(self, name: str) -> Any:
        return SimpleNamespace(paginate=lambda **_: self._pages[name])

    def get_waiter(self, name: str) -> Any:
        return SimpleNamespace(wait=lambda **arguments: self.calls.append((name, arguments)))

    def __getattr__(self, name: str) -> Any:
        def call(**arguments: Any) -> Any:
            self.calls.append((name, arguments))
            if name == "list_aliases":  # as with the setting snap_start
                return {"Aliases": [{"Name": "live"}] if arguments["FunctionName"] == "url_handler" else []}
            return self._responses.get(name, {})

        return call


def made(aws: FakeAws, assembly: Path, **outputs: str) -> updates.Updates:
    emulator: Any = aws
    return updates.Updates(emulator, Outputs(**outputs), assembly)


def test_every_function_and_the_alias_that_requests_reach_get_the_code(assembly: Path) -> None:
    aws = FakeAws()
    made(aws, assembly)._update_functions({"url_handler.py": b"after"})
    (upload,) = [arguments for name, arguments in aws.calls if name == "put_object"]
    updated = [arguments for name, arguments in aws.calls if name == "update_function_code"]
    code = {"S3Bucket": "cdk-assets", "S3Key": upload["Key"]}
    assert updated == [{"FunctionName": name, **code} for name in ("url_handler", "files_handler")]
    called = [name for name, _ in aws.calls]
    assert called.index("published_version_active") < called.index("update_alias")
    assert ("update_alias", {"FunctionName": "url_handler", "Name": "live", "FunctionVersion": "2"}) in aws.calls


SCHEMA = "type Query {\n  a: String\n  b: String\n}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (SCHEMA.replace("  b: String\n", ""), r"^deployed in 0\.\d s$"),
        (SCHEMA, r"^deployed in 0\.\d s; Query\.b returns null until infra/stack\.py names its resolver$"),
    ],
)
def test_schema_is_deployed_and_fields_without_resolver_are_named(
    text: str, expected: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def printed(*_: str) -> str:
        return text

    monkeypatch.setattr(programs, "run", printed)
    aws = FakeAws()
    done = asyncio.run(made(aws, tmp_path)._schema())
    assert ("start_schema_creation", {"apiId": "a", "definition": text.encode()}) in aws.calls
    assert re.search(expected, done)


def test_schema_that_would_stop_the_api_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def printed(*_: str) -> str:
        return SCHEMA.replace("String", "Strin")

    monkeypatch.setattr(programs, "run", printed)
    aws = FakeAws()
    with pytest.raises(NotApplied, match=r"^schema\.graphql: .*Unknown type 'Strin'"):
        asyncio.run(made(aws, tmp_path)._schema())
    assert aws.calls == []


def test_schema_that_cannot_be_parsed_is_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (broken := tmp_path / "schema.graphql").write_text("type Query {\n  a: \n}\n")
    monkeypatch.setattr(schema, "SCHEMA", broken)
    monkeypatch.setattr("sys.argv", ["infra.schema"])
    with pytest.raises(SystemExit) as ended:
        schema.main()
    assert ended.value.code == "schema.graphql, line 3: Syntax Error: Expected Name, found '}'."
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("fails", [True, False])
def test_page_is_replaced_when_its_build_is_complete(
    fails: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def build(*command: str) -> str:
        (built := Path(command[command.index("--outDir") + 1])).mkdir()
        (built / "index.html").write_text("after")
        assert (page / "index.html").read_text() == "before"
        if fails:
            raise programs.ProgramFailed(PARSE_ERROR)
        return ""

    monkeypatch.setattr(programs, "run", build)
    monkeypatch.setattr(page_build, "PROJECT", tmp_path)
    (page := tmp_path / "dist").mkdir()
    (page / "index.html").write_text("before")
    if fails:
        with pytest.raises(NotApplied, match=r"App\.tsx, line 66"):
            asyncio.run(page_build.build("frontend", page))
    else:
        asyncio.run(page_build.build("frontend", page))
    assert (page / "index.html").read_text() == ("before" if fails else "after")
    assert list((tmp_path / ".local").iterdir()) == []


@pytest.mark.parametrize("starting", [False, True])
def test_program_is_stopped_with_what_it_started(starting: bool, tmp_path: Path) -> None:
    child = tmp_path / "child"
    program = programs.run("sh", "-c", f"sleep 600 & echo $! >{child}; wait")
    cancel_once_written(program, child, starting=starting)
    wait_until_ended(child)
