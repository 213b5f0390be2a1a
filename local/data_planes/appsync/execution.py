"""Executes a valid operation: fields with a resolver through Lambda, the others from their source object."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from graphql import DocumentNode, ExecutionResult, GraphQLResolveInfo, execute

from local.data_planes.appsync.callers import Caller
from local.data_planes.appsync.deployed_api import DeployedApi, FunctionResolver
from local.data_planes.appsync.error_entries import error_entry, field_entry
from local.data_planes.appsync.errors import FieldError, RequestError
from local.data_planes.appsync.field_access import is_allowed
from local.data_planes.appsync.resolver_event import resolver_event
from local.data_planes.lambda_functions import FunctionFailed, LambdaFunctions

REQUEST_SECONDS = 30.0
MOST_RESOLVERS = 10_000
MOST_FIELDS = 50_000  # ten pages of a thousand files, with five fields each

Call = tuple[dict[str, Any], asyncio.Future[Any]]


class _TooManyFields(BaseException):
    """Not an Exception: graphql-core would make one a null field, and go on to the next field."""


class Execution:
    """The execution of one request."""

    def __init__(
        self, api: DeployedApi, caller: Caller, functions: LambdaFunctions, headers: Mapping[str, str]
    ) -> None:
        self._api = api
        self._caller = caller
        self._functions = functions
        self._headers = headers
        self._resolved = self._fields = 0
        self._allowed: dict[tuple[str, str], bool] = {}
        self._waiting: defaultdict[tuple[str, ...], list[Call]] = defaultdict(list)
        self._batches: set[asyncio.Task[None]] = set()

    async def run(
        self, document: DocumentNode, variables: dict[str, Any], operation_name: str | None
    ) -> dict[str, Any]:
        """Return `data` and, if something failed, `errors`, in the shape that AppSync gives them.

        Raises RequestError (400) for a response of more than MOST_FIELDS fields.
        """
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                result = execute(
                    self._api.schema,
                    document,
                    variable_values=variables,
                    operation_name=operation_name,
                    field_resolver=self._resolve,
                )
                if not isinstance(result, ExecutionResult):
                    result = await result
        except _TooManyFields:
            message = f"The response has more than {MOST_FIELDS:,} fields: split the request into several."
            raise RequestError(400, "BadRequestException", message) from None
        except TimeoutError:
            return {"data": None, "errors": [field_entry(FieldError("ExecutionTimeout", "Request timed out."))]}
        finally:
            for batch in self._batches:
                batch.cancel()  # after a timeout or a disconnect, its result is not needed
        response: dict[str, Any] = {"data": result.data}
        if result.errors:
            response["errors"] = [error_entry(error) for error in result.errors]
        return response

    def _resolve(self, source: Any, info: GraphQLResolveInfo, **arguments: Any) -> Any:
        field = (info.parent_type.name, info.field_name)
        self._fields += 1
        if self._fields > MOST_FIELDS:
            raise _TooManyFields
        if field not in self._api.resolvers:
            self._permit(info)
            return source.get(info.field_name) if isinstance(source, dict) else None
        try:
            self._permit(info)
            resolver = self._resolver(*field)
        except FieldError as error:
            # Raised here and not when awaited, graphql-core would drop the siblings that are already running.
            return _failed(error)
        event = resolver_event(
            info, source=source, arguments=arguments, identity=self._caller.identity, headers=self._headers
        )
        if resolver.max_batch_size > 0:
            return self._enqueue(_names(info), resolver, event)
        # A coroutine and not a task: graphql-core calls all resolvers of a mutation before it awaits the first.
        return self._functions.invoke(resolver.function_arn, event)

    def _permit(self, info: GraphQLResolveInfo) -> None:
        parent, name = info.parent_type, info.field_name
        allowed = self._allowed.get((parent.name, name))
        if allowed is None:
            allowed = self._allowed[parent.name, name] = is_allowed(self._api, self._caller, parent, name)
        if not allowed:
            raise FieldError("Unauthorized", f"Not Authorized to access {name} on type {parent.name}")
        if (limit := self._api.query_depth_limit) and len(_names(info)) > limit:
            raise FieldError("QueryDepthLimitReached", f"Query depth limit {limit} is reached.")

    def _resolver(self, type_name: str, field_name: str) -> FunctionResolver:
        self._resolved += 1
        if self._resolved > (limit := self._api.resolver_count_limit or MOST_RESOLVERS):
            raise FieldError("ResolverExecutionLimitReached", f"Resolver count limit {limit} is reached.")
        return self._api.resolvers[type_name, field_name]

    def _enqueue(self, keys: tuple[str, ...], resolver: FunctionResolver, event: dict[str, Any]) -> asyncio.Future[Any]:
        loop = asyncio.get_running_loop()
        # graphql-core resolves the items of a list without a pause: by the next turn of the loop, all of them wait.
        if not self._waiting[keys]:
            loop.call_soon(self._send, keys, resolver)
        result: asyncio.Future[Any] = loop.create_future()
        self._waiting[keys].append((event, result))
        return result

    def _send(self, keys: tuple[str, ...], resolver: FunctionResolver) -> None:
        calls = self._waiting.pop(keys)
        for start in range(0, len(calls), resolver.max_batch_size):
            batch = calls[start : start + resolver.max_batch_size]
            task = asyncio.create_task(self._invoke_batch(resolver, batch))
            # The event loop holds only a weak reference to a task.
            self._batches.add(task)
            task.add_done_callback(self._batches.discard)

    async def _invoke_batch(self, resolver: FunctionResolver, batch: list[Call]) -> None:
        results: list[Any]
        try:
            results = await self._functions.invoke(resolver.function_arn, [event for event, _ in batch])
            if not isinstance(results, list) or len(results) != len(batch):
                raise FieldError("MappingTemplate", "BatchInvoke must return a list as long as the one it was sent.")
        except (FieldError, FunctionFailed) as error:
            results = [{"errorType": error.error_type, "errorMessage": error.message}] * len(batch)
        for result, (_, waiting) in zip(results, batch, strict=True):
            item = result if isinstance(result, dict) else {}
            if waiting.done():
                continue
            if item.get("errorType") or item.get("errorMessage"):
                waiting.set_exception(
                    FieldError(item.get("errorType") or "Lambda:Unhandled", item.get("errorMessage") or "")
                )
            else:
                waiting.set_result(item.get("data"))


def _names(info: GraphQLResolveInfo) -> tuple[str, ...]:
    """Return the path of a field without the indices of lists."""
    return tuple(key for key in info.path.as_list() if isinstance(key, str))


async def _failed(error: FieldError) -> None:
    raise error
