"""The AWS APIs and the function behind the data plane of an HTTP API."""

from typing import Any

FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:files"
CORS = {"AllowOrigins": ["*"], "AllowMethods": ["GET"], "AllowHeaders": ["authorization"], "MaxAge": 3600}


class ApiGateway:
    """The five responses from which a deployed API is read; `changes` apply to its one route."""

    def __init__(self, **changes: Any) -> None:
        self.route = {"RouteKey": "GET /files", "Target": "integrations/i", "AuthorizationType": "NONE"} | changes
        self.authorizer = {
            "AuthorizerId": "a",
            "IdentitySource": ["$request.header.Authorization"],
            "JwtConfiguration": {"Issuer": "https://cognito-idp.us-east-1.amazonaws.com/pool", "Audience": ["client"]},
        }
        self.integration = {"IntegrationId": "i", "IntegrationType": "AWS_PROXY", "IntegrationUri": FUNCTION}
        self.integration["PayloadFormatVersion"] = "2.0"

    def get_api(self, **_: str) -> dict[str, Any]:
        return {"CorsConfiguration": CORS}

    def get_authorizers(self, **_: str) -> dict[str, Any]:
        return {"Items": [self.authorizer]}

    def get_integrations(self, **_: str) -> dict[str, Any]:
        return {"Items": [self.integration]}

    def get_stages(self, **_: str) -> dict[str, Any]:
        return {"Items": [{"StageName": "$default"}]}

    def get_routes(self, **_: str) -> dict[str, Any]:
        return {"Items": [self.route]}


class Function:
    """Returns `result` or raises it, and keeps the events."""

    def __init__(self, result: Any) -> None:
        self.result = result
        self.events: list[Any] = []

    async def invoke(self, function_arn: str, event: Any) -> Any:
        assert function_arn == FUNCTION
        self.events.append(event)
        if isinstance(self.result, Exception):
            raise self.result
        return self.result
