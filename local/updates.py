"""Puts changed sources into the running stack, without the CDK: functions, schema, page.

The template does not change. The next `make up` deploys what the sources are then.
"""

from __future__ import annotations

import asyncio
import hashlib
import sys
import time
from collections.abc import Awaitable, Callable
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from local import function_code, page_build, programs
from local.changes import Effect
from local.data_planes.appsync.schema import build_schema
from local.frontend import DIST, FRONTEND
from local.programs import PROJECT
from local.watch import NotApplied

if TYPE_CHECKING:
    from graphql import GraphQLSchema

    from local.embedded_aws.emulator import Emulator
    from private_files.outputs import Outputs

T = TypeVar("T")


class Updates:
    """The actions of `Watch` for a stack that was deployed from `assembly`, the folder that the CDK wrote."""

    def __init__(self, emulator: Emulator, outputs: Outputs, assembly: Path) -> None:
        # Making one takes 0.1 s. With retries, the program would wait for them when it is stopped during an update.
        self._client = cache(partial(emulator.client, attempts=1))
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
        sources = function_code.compiled(PROJECT / "resolvers")
        await _in_emulator(self._update_functions, sources)
        return f"deployed in {_since(started)}"

    def _update_functions(self, sources: dict[str, bytes]) -> None:
        functions = self._client("lambda")
        deployed = {
            function["Handler"]: function["FunctionName"]
            for page in functions.get_paginator("list_functions").paginate()
            for function in page["Functions"]
        }
        assets = {
            handler: asset for handler, asset in function_code.assets(self._assembly).items() if handler in deployed
        }
        code = {asset: self._upload(function_code.archive(asset, sources)) for asset in sorted(set(assets.values()))}
        published: list[tuple[dict[str, str], str, str]] = []
        for handler, asset in assets.items():
            function = {"FunctionName": deployed[handler]}
            functions.update_function_code(**function, **code[asset])
            published += [  # with the setting `snap_start`
                (function, alias["Name"], functions.publish_version(**function)["Version"])
                for alias in functions.list_aliases(**function)["Aliases"]
            ]
        for function, alias_name, version in published:
            ready = functions.get_waiter("published_version_active")
            ready.wait(**function, Qualifier=version, WaiterConfig={"Delay": 0.1, "MaxAttempts": 300})
            functions.update_alias(**function, Name=alias_name, FunctionVersion=version)

    def _upload(self, archive: bytes) -> dict[str, str]:
        """Upload code to where the CDK uploads it, and return its place."""
        (bucket,) = (
            found["Name"] for found in self._client("s3").list_buckets()["Buckets"] if found["Name"].startswith("cdk-")
        )
        key = f"{hashlib.sha256(archive).hexdigest()}.zip"
        self._client("s3").put_object(Bucket=bucket, Key=key, Body=archive)
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
            raise NotApplied(f"schema.graphql: {str(error).splitlines()[0]}") from error
        unresolved = await _in_emulator(self._update_schema, schema, built)
        hint = f"; {unresolved} returns null until infra/stack.py names its resolver" if unresolved else ""
        return f"deployed in {_since(started)}{hint}"

    def _update_schema(self, schema: str, built: GraphQLSchema) -> str:
        """Replace the schema of the API and return the first field of an operation that has no resolver."""
        appsync = self._client("appsync")
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
        await page_build.build("frontend", DIST)
        return f"built in {_since(started)}; reload the page"

    async def _graphiql(self) -> str:
        started = time.monotonic()
        await page_build.build("frontend/graphiql", FRONTEND / "dist-graphiql")
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
