"""What AWS sends to the functions: events of AppSync and of an HTTP API, and the context of an invocation."""

from collections.abc import Callable
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext


class Context(LambdaContext):
    """The context of an invocation; `milliseconds` returns the time that the function has left."""

    def __init__(self, milliseconds: Callable[[], int] = lambda: 29_000) -> None:
        self._function_name = "a-function"
        self._memory_limit_in_mb = 512
        self._invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:a-function"
        self._aws_request_id = "0f4c1d2e-0000-4000-8000-000000000000"
        self.get_remaining_time_in_millis = milliseconds  # type: ignore[method-assign]


def appsync_event(field: str, arguments: dict[str, Any] | None, *, parent: str = "Query", source: Any = None) -> Any:
    """What AppSync sends to a direct Lambda resolver for a Cognito user."""
    return {
        "arguments": arguments,
        "identity": {
            "claims": {"sub": "a-user", "token_use": "access"},
            "defaultAuthStrategy": "ALLOW",
            "groups": None,
            "issuer": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_EXAMPLE",
            "sourceIp": ["192.0.2.1"],
            "sub": "a-user",
            "username": "a-user",
        },
        "source": source,
        "request": {"headers": {"host": "example.appsync-api.eu-west-1.amazonaws.com"}, "domainName": None},
        "prev": None,
        "info": {
            "selectionSetList": [],
            "selectionSetGraphQL": "",
            "parentTypeName": parent,
            "fieldName": field,
            "variables": {},
        },
        "stash": {},
    }


def http_event(path: str, query: str = "") -> dict[str, Any]:
    """What an HTTP API sends, payload format 2.0."""
    return {
        "version": "2.0",
        "routeKey": f"GET {path}",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"host": "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com", "authorization": "Bearer e.y.J"},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "a1b2c3d4e5",
            "authorizer": {"jwt": {"claims": {"sub": "a-user"}, "scopes": None}},
            "domainName": "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com",
            "http": {"method": "GET", "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "x"},
            "requestId": "AbCdEfGhIjKlMnO=",
            "routeKey": f"GET {path}",
            "stage": "$default",
            "timeEpoch": 1_800_000_000_000,
        },
        "isBase64Encoded": False,
    }
