"""Puts changed sources into the running stack, without the CDK: functions, schema, page.

The template does not change. The next `make up` deploys what the sources are then.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import re
import sys
import time
import zipfile
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from local import programs
from local.changes import Effect
from local.data_planes.appsync.schema import build_schema
from local.programs import PROJECT
from local.watch import NotApplied

if TYPE_CHECKING:
    from graphql import GraphQLSchema

    from local.embedded_aws.emulator import Emulator
    from private_files.outputs import Outputs

T = TypeVar("T")
_COLORS = re.compile(r"\x1b\[[0-9;]*m")


class Updates:
    """The actions of `Watch` for a stack that was deployed from `assembly`, the folder that the CDK wrote."""

    def __init__(self, emulator: Emulator, outputs: Outputs, assembly: Path) -> None:
        self._emulator = emulator
        self._outputs = outputs
        self._assembly = assembly

    def actions(self) -> dict[Effect, Callable[[], Awaitable[str]]]:
        """Return what puts a change of each kind into effect."""
        return {
            Effect.FUNCTIONS: self._functions,
            Effect.SCHEMA: self._schema,
            Effect.PAGE: self._page,
            Effect.GRAPHIQL: self._graphiql,
            Effect.NEW_START: self._new_start,
        }

    async def _functions(self) -> str:
        started = time.monotonic()
        sources = _compiled(PROJECT / "resolvers")
        await _in_emulator(self._update_functions, sources)
        return f"deployed in {_since(started)}"

    def _update_functions(self, sources: dict[str, bytes]) -> None:
        functions = self._emulator.client("lambda")
        deployed = {
            function["Handler"]: function["FunctionName"]
            for page in functions.get_paginator("list_functions").paginate()
            for function in page["Functions"]
        }
        assets = {handler: asset for handler, asset in _assets(self._assembly).items() if handler in deployed}
        code = {asset: self._upload(_archive(asset, sources)) for asset in sorted(set(assets.values()))}
        for handler, asset in assets.items():
            functions.update_function_code(FunctionName=deployed[handler], **code[asset])
            for alias in functions.list_aliases(FunctionName=deployed[handler])["Aliases"]:
                version = functions.publish_version(FunctionName=deployed[handler])["Version"]
                functions.update_alias(FunctionName=deployed[handler], Name=alias["Name"], FunctionVersion=version)

    def _upload(self, archive: bytes) -> dict[str, str]:
        """Upload code to where the CDK uploads it, and return its place."""
        toolkit = self._emulator.client("cloudformation").describe_stack_resource(
            StackName="CDKToolkit", LogicalResourceId="StagingBucket"
        )
        bucket = toolkit["StackResourceDetail"]["PhysicalResourceId"]
        key = f"{hashlib.sha256(archive).hexdigest()}.zip"
        self._emulator.client("s3").put_object(Bucket=bucket, Key=key, Body=archive)
        return {"S3Bucket": bucket, "S3Key": key}

    async def _schema(self) -> str:
        started = time.monotonic()
        options = ["--uploads"] if self._outputs.uploads_url else []
        options += [] if self._outputs.user_pool_id else ["--no-auth"]
        try:
            schema = await programs.run(sys.executable, "-m", "infra.schema", *options)
            built = build_schema(schema)
        except programs.ProgramFailed as failure:
            raise NotApplied(str(failure).strip().splitlines()[-1]) from failure
        except ValueError as error:
            raise NotApplied(str(error).splitlines()[0]) from error
        unresolved = await _in_emulator(self._update_schema, schema, built)
        hint = f"; {unresolved} returns null until infra/stack.py names its resolver" if unresolved else ""
        return f"deployed in {_since(started)}{hint}"

    def _update_schema(self, schema: str, built: GraphQLSchema) -> str:
        """Replace the schema of the API and return the first field of an operation that has no resolver."""
        appsync = self._emulator.client("appsync")
        (api,) = appsync.list_graphql_apis()["graphqlApis"]
        appsync.start_schema_creation(apiId=api["apiId"], definition=schema.encode())
        for root in filter(None, (built.query_type, built.mutation_type)):
            pages = appsync.get_paginator("list_resolvers").paginate(apiId=api["apiId"], typeName=root.name)
            resolved = {resolver["fieldName"] for page in pages for resolver in page["resolvers"]}
            for name in root.fields:
                if name not in resolved:
                    return f"{root.name}.{name}"
        return ""

    async def _page(self) -> str:
        started = time.monotonic()
        await _build("frontend")
        return f"built in {_since(started)}; reload the page"

    async def _graphiql(self) -> str:
        started = time.monotonic()
        await _build("frontend/graphiql")
        return f"built in {_since(started)}; reload GraphiQL"

    async def _new_start(self) -> str:
        return "press Ctrl-C and run `make up` again to deploy it"


async def _in_emulator(update: Callable[..., T], *arguments: object) -> T:
    """Return what `update` returns, which uses AWS APIs. Raises NotApplied if the emulator refuses a request."""
    try:
        return await asyncio.to_thread(update, *arguments)
    except (BotoCoreError, ClientError) as error:
        raise NotApplied(f"the AWS emulator refused it: {error}") from error


def _since(started: float) -> str:
    return f"{time.monotonic() - started:.1f} s"


def _compiled(folder: Path) -> dict[str, bytes]:
    """Return the names and sources of the modules. Raises NotApplied if one cannot be compiled."""
    sources = {path.name: path.read_bytes() for path in sorted(folder.glob("*.py")) if path.is_file()}
    for name, source in sources.items():
        try:
            compile(source, name, "exec", dont_inherit=True)
        except SyntaxError as error:
            raise NotApplied(
                f"{error.msg} in {folder.name}/{name}, line {error.lineno or 1}; the code before it still runs"
            ) from error
        except ValueError as error:  # of Python 3.11, for a null byte
            raise NotApplied(f"{error} in {folder.name}/{name}; the code before it still runs") from error
    return sources


def _assets(assembly: Path) -> dict[str, Path]:
    """Return the folder with the code of each function, by its handler."""
    return {
        resource["Properties"]["Handler"]: assembly / resource["Metadata"]["aws:asset:path"]
        for template in assembly.glob("*.template.json")
        for resource in json.loads(template.read_text())["Resources"].values()
        if resource["Type"] == "AWS::Lambda::Function"
        and resource["Properties"].get("Handler", "").startswith("resolvers.")
    }


def _archive(asset: Path, sources: dict[str, bytes]) -> bytes:
    """Return the deployed code with these modules instead of those that it has."""
    archive = io.BytesIO(_wheels(asset))
    with zipfile.ZipFile(archive, "a", zipfile.ZIP_DEFLATED) as written:
        for name, source in sources.items():
            written.writestr(f"resolvers/{name}", source)
    return archive.getvalue()


@cache  # compressing them takes most of a second
def _wheels(asset: Path) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as written:
        for path in sorted(asset.rglob("*")):
            name = path.relative_to(asset)
            if path.is_file() and name.parts[0] != "resolvers":
                written.write(path, name)
    return archive.getvalue()


async def _build(folder: str) -> None:
    """Build a page as `make` does. Raises NotApplied with the first error."""
    try:
        await programs.run("vite", "build", folder, "--logLevel", "error")
    except programs.ProgramFailed as failure:
        raise NotApplied(f"{_first_error(str(failure))}; the page before it is still served") from failure


def _first_error(printed: str) -> str:
    """Return the first error that Vite printed, with its file and line."""
    text = _COLORS.sub("", printed)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    headings = [number for number, line in enumerate(lines) if line.startswith(("error during build", "Build failed"))]
    error = lines[min(headings[-1] + 1, len(lines) - 1)] if headings else lines[-1]
    message = error.partition("] ")[2] or error
    place = re.search(r"\[ (?P<file>\S+?):(?P<line>\d+):\d+ \]", text)
    return f"{message} in {place['file']}, line {place['line']}" if place else message
