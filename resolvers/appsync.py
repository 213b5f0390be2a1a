"""AppSync's events for direct Lambda resolvers: which field is requested, by whom, with which arguments.

A table of our own instead of Powertools' event handler, whose import takes as long as all other imports of a function.

https://docs.aws.amazon.com/appsync/latest/devguide/direct-lambda-reference.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from resolvers.access import Caller

Event = dict[str, Any]
Fields = Mapping[str, Callable[..., Any]]  # the resolver of each `Type.field` of the schema


class UnknownField(LookupError):
    """The schema sends a field to a function that does not resolve it; the message names both."""


@dataclass(frozen=True)
class Request:
    """A request: its caller, the time that the function still has, the arguments, and the object with the field."""

    caller: Caller
    milliseconds_left: Callable[[], int]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    source: Mapping[str, Any] = field(default_factory=dict)


def resolve(event: Event | list[Event], context: LambdaContext, fields: Fields) -> Any:
    """Return what the resolver of the requested field returns.

    It is called with the Request and the field's arguments; for a batch, which is a list of events of one field, with
    the list of Requests. Raises UnknownField, and what the resolver raises.
    """
    if isinstance(event, list):
        return _resolver(event[0], context, fields)([_request(each, context) for each in event])
    request = _request(event, context)
    return _resolver(event, context, fields)(request, **request.arguments)


def _resolver(event: Event, context: LambdaContext, fields: Fields) -> Callable[..., Any]:
    name = "{parentTypeName}.{fieldName}".format_map(event["info"])
    if name not in fields:
        raise UnknownField(f"{context.function_name} does not resolve {name}; it resolves {', '.join(fields)}.")
    return fields[name]


def _request(event: Event, context: LambdaContext) -> Request:
    caller = Caller.of_appsync(event, context.invoked_function_arn)
    arguments, source = event.get("arguments") or {}, event.get("source") or {}
    return Request(caller, context.get_remaining_time_in_millis, arguments, source)
