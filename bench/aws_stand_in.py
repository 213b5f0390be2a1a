"""A stand-in for the AWS APIs: one GraphQL API with one field, whose function returns at once."""

from __future__ import annotations

from boto3 import Session
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

API_KEY = "da2-example"
REGION = "eu-west-1"
FUNCTION = f"arn:aws:lambda:{REGION}:123456789012:function:a-function"
SESSION = Session("testing", "testing", region_name=REGION)
SIGNED_URL = f"https://d111111abcdef8.cloudfront.net/photos/first.jpg?Expires=1700000000&Signature={'A' * 96}"


def aws() -> Starlette:
    """Return a server for the AWS requests of AppSync's data plane."""
    responses = {
        "/v1/apis/{id}": {"graphqlApi": {"authenticationType": "API_KEY"}},
        "/v1/apis/{id}/datasources": {
            "dataSources": [
                {"name": "Url", "type": "AWS_LAMBDA", "lambdaConfig": {"lambdaFunctionArn": FUNCTION}},
            ]
        },
        "/v1/apis/{id}/types/Query/resolvers": {"resolvers": [{"fieldName": "getUrl", "dataSourceName": "Url"}]},
        "/v1/apis/{id}/apikeys": {"apiKeys": [{"id": API_KEY, "expires": 4102444800}]},
    }

    async def schema(_request: Request) -> Response:
        return Response("type Query { getUrl(file: String!): String }")

    async def invoke(request: Request) -> Response:
        await request.body()
        return JSONResponse(SIGNED_URL)

    routes = [Route(path, JSONResponse(response)) for path, response in responses.items()]
    return Starlette(
        routes=[
            *routes,
            Route("/v1/apis/{id}/schema", schema),
            Route("/2015-03-31/functions/{arn}/invocations", invoke, methods=["POST"]),
        ]
    )
