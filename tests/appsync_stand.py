"""AppSync's data plane on a real socket, in front of AWS APIs that the test provides."""

import contextlib
import inspect
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import boto3
import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.data_planes.appsync.app import create_app
from local.data_planes.appsync.request_signature import Credential
from tests.served import served

REGION = "eu-central-1"
POOL = "eu-central-1_Test12345"
CLIENT = "app-client-1"
API_KEY = "da2-test"
EXPIRED_KEY = "da2-expired"
ACCESS_KEY = "AKIDEXAMPLE"
SECRET_KEY = "an-example-secret"
FUNCTION = "arn:aws:lambda:eu-central-1:000000000000:function:files"
SCHEMA = """
type File @aws_api_key @aws_iam @aws_cognito_user_pools {
  id: ID!
  name: String
  size: Int
  at: AWSDateTime
  secret: String @aws_iam
  owner: User
}
type User @aws_api_key @aws_iam @aws_cognito_user_pools { name: String! }
type FilePage @aws_api_key @aws_cognito_user_pools { items: [File!] nextToken: String }
input Filter { prefix: String! limit: Int }
enum Order { ASC DESC }
type Query {
  "The URL of a file."
  getUrl(name: String!): String @aws_api_key @aws_iam @aws_cognito_user_pools
  getFile(id: ID!): File @aws_api_key @aws_iam @aws_cognito_user_pools
  getFiles(limit: Int, nextToken: String, filter: Filter, order: Order): FilePage
    @aws_api_key @aws_cognito_user_pools
  names: [String] @aws_api_key @aws_cognito_user_pools
  unmarked: String
  forAdmins: String @aws_cognito_user_pools(cognito_groups: ["admins"])
}
type Mutation { rename(id: ID!, name: String!): File @aws_cognito_user_pools }
"""

SESSION = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)
POOL_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
Function = Callable[[Any], Any]
COGNITO = {
    "authenticationType": "AMAZON_COGNITO_USER_POOLS",
    "userPoolConfig": {"userPoolId": POOL, "awsRegion": REGION, "defaultAction": "ALLOW"},
}


class Raised(Exception):
    """A function returns this payload when its code raised."""

    def __init__(self, payload: dict[str, Any]) -> None:
        super().__init__(payload)
        self.payload = payload


@dataclass
class Aws:
    """The AWS APIs that the data plane reads and calls; a test changes the attributes it is about."""

    api: dict[str, Any] = field(
        default_factory=lambda: {
            **COGNITO,
            "additionalAuthenticationProviders": [
                {"authenticationType": "API_KEY"},
                {"authenticationType": "AWS_IAM"},
            ],
        }
    )
    schema: str = SCHEMA
    resolvers: dict[str, dict[str, int]] = field(
        default_factory=lambda: {
            "Query": dict.fromkeys(("getUrl", "getFile", "getFiles", "names", "unmarked", "forAdmins"), 0),
            "Mutation": {"rename": 0},
        }
    )
    resolver: dict[str, Any] = field(default_factory=dict)
    data_source: dict[str, Any] = field(
        default_factory=lambda: {
            "name": "Files",
            "type": "AWS_LAMBDA",
            "lambdaConfig": {"lambdaFunctionArn": FUNCTION},
        }
    )
    function: Function = lambda _event: None
    events: list[Any] = field(default_factory=list)
    keys: dict[str, rsa.RSAPrivateKey] = field(default_factory=lambda: {"key-1": POOL_KEY})
    jwks_fetches: int = 0

    def token(
        self,
        *,
        key_id: str = "key-1",
        key: rsa.RSAPrivateKey | None = None,
        groups: list[str] | None = None,
        **claims: Any,
    ) -> str:
        """Return an access token as the pool issues it, with `claims` in place of its own; None leaves one out."""
        now = int(time.time())
        given = {
            "sub": "user-1",
            "iss": f"https://cognito-idp.{REGION}.amazonaws.com/{POOL}",
            "token_use": "access",
            "client_id": CLIENT,
            "username": "demo",
            "exp": now + 600,
            "iat": now - 60,
            "cognito:groups": groups,
            **claims,
        }
        payload = {name: value for name, value in given.items() if value is not None}
        return jwt.encode(payload, key or self.keys[key_id], algorithm="RS256", headers={"kid": key_id})

    def app(self) -> Starlette:
        def api(_request: Request) -> Response:
            return JSONResponse({"graphqlApi": self.api})

        def schema(_request: Request) -> Response:
            return Response(self.schema, media_type="application/octet-stream")

        def resolvers(request: Request) -> Response:
            fields = self.resolvers.get(request.path_params["type"], {})
            listed = [
                {"fieldName": name, "dataSourceName": "Files", "maxBatchSize": size, **self.resolver}
                for name, size in fields.items()
            ]
            return JSONResponse({"resolvers": listed})

        def data_sources(_request: Request) -> Response:
            return JSONResponse({"dataSources": [self.data_source]})

        def api_keys(_request: Request) -> Response:
            expiries = {API_KEY: 4102444800, EXPIRED_KEY: 946684800}
            return JSONResponse({"apiKeys": [{"id": name, "expires": at} for name, at in expiries.items()]})

        def jwks(_request: Request) -> Response:
            self.jwks_fetches += 1
            published = [
                {**jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": key_id, "alg": "RS256"}
                for key_id, key in self.keys.items()
            ]
            return JSONResponse({"keys": published})

        async def invoke(request: Request) -> Response:
            assert unquote(request.scope["raw_path"].decode()).split("/")[3] == FUNCTION
            assert "/lambda/aws4_request" in request.headers["authorization"]
            event = await request.json()
            self.events.append(event)
            try:
                result = self.function(event)
                return Response(json.dumps(await result if inspect.isawaitable(result) else result))
            except Raised as raised:
                return Response(json.dumps(raised.payload), headers={"X-Amz-Function-Error": "Unhandled"})

        return Starlette(
            routes=[
                Route("/v1/apis/{id}", api),
                Route("/v1/apis/{id}/schema", schema),
                Route("/v1/apis/{id}/types/{type}/resolvers", resolvers),
                Route("/v1/apis/{id}/datasources", data_sources),
                Route("/v1/apis/{id}/apikeys", api_keys),
                Route("/{pool}/.well-known/jwks.json", jwks),
                Route("/2015-03-31/functions/{arn}/invocations", invoke, methods=["POST"]),
            ]
        )


def data_plane_app(endpoint: str, **options: Any) -> Starlette:
    """Return the data plane for the AWS APIs at `endpoint`. It reads the API again for every request."""
    user = Credential(secret_access_key=SECRET_KEY, user_arn="arn:aws:iam::000000000000:user/machine")
    return create_app(
        session=SESSION,
        api_id="api-1",
        region=REGION,
        aws_endpoint_url=endpoint,
        ca_bundle=None,
        credentials={ACCESS_KEY: user},
        **{"fresh": 0.0, **options},
    )


@contextlib.contextmanager
def data_plane(aws: Aws, **options: Any) -> Iterator[str]:
    """Serve the data plane of `aws`; yields its URL."""
    with served(aws.app()) as endpoint, served(data_plane_app(endpoint, **options)) as url:
        yield url
