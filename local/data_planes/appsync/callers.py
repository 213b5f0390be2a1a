"""Identifies the caller of a request: its authorization mode and its identity."""

import datetime
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from local.data_planes.appsync import request_signature
from local.data_planes.appsync.cognito_tokens import HEADER_NOT_VALID, NOT_AUTHORIZED, token_claims
from local.data_planes.appsync.deployed_api import AuthMode, DeployedApi
from local.data_planes.appsync.errors import RequestError
from local.data_planes.appsync.request_signature import Credential
from local.data_planes.user_pool_tokens import UserPoolTokens

# Finds the credential of an access key id and a session token, with the fields among these that its policies deny.
FindCredential = Callable[[str, str, Collection[tuple[str, str]]], Awaitable[Credential]]


@dataclass(frozen=True)
class Caller:
    """An authorized caller; `identity` is what resolvers receive (None for an API key).

    `denied` are the top-level fields, as type and name, that the policies of an IAM caller do not allow.
    """

    mode: AuthMode
    identity: dict[str, Any] | None = None
    groups: frozenset[str] = frozenset()
    denied: frozenset[tuple[str, str]] = frozenset()


class Callers:
    """Identifies callers by the authorization modes of the API and the headers of their requests."""

    def __init__(
        self,
        tokens: UserPoolTokens,
        credentials: Mapping[str, Credential],
        region: str,
        find_credential: FindCredential | None = None,
    ) -> None:
        self._tokens = tokens
        self._credentials = credentials
        self._region = region
        self._find_credential = find_credential

    async def identify(self, request: Request, body: bytes, api: DeployedApi) -> Caller:
        """Return the caller. Raises RequestError (401, or 403 for a signature) as AppSync does."""
        authorization = request.headers.get("authorization", "")
        if AuthMode.IAM in api.modes and authorization.startswith("AWS4-HMAC-SHA256"):
            return await self._signer(request, body, api)
        if AuthMode.COGNITO in api.modes and authorization and not authorization.startswith("AWS4-HMAC-SHA256"):
            return await self._user(authorization, request, api)
        if AuthMode.API_KEY in api.modes and "x-api-key" in request.headers:
            if api.api_keys.get(request.headers["x-api-key"], 0) > time.time():
                return Caller(AuthMode.API_KEY)
            raise RequestError(401, "UnauthorizedException", NOT_AUTHORIZED)
        if api.default.mode == AuthMode.IAM:
            raise RequestError(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
        message = NOT_AUTHORIZED if api.default.mode == AuthMode.API_KEY else HEADER_NOT_VALID
        raise RequestError(401, "UnauthorizedException", message)

    async def _signer(self, request: Request, body: bytes, api: DeployedApi) -> Caller:
        now = datetime.datetime.now(datetime.UTC)
        key, credentials = request_signature.access_key_id(request), self._credentials
        if key not in credentials and self._find_credential:
            token = request.headers.get("x-amz-security-token", "")
            credentials = {key: await self._find_credential(key, token, api.top_level_fields)}
        credential = request_signature.verify(request, body, credentials=credentials, region=self._region, now=now)
        return Caller(
            AuthMode.IAM,
            {
                "accountId": credential.user_arn.split(":")[4],
                "cognitoIdentityPoolId": None,
                "cognitoIdentityId": None,
                "sourceIp": _source_ip(request),
                "username": credential.user_arn.rsplit("/", 1)[-1],
                "userArn": credential.user_arn,
                "cognitoIdentityAuthType": None,
                "cognitoIdentityAuthProvider": None,
            },
            denied=credential.denied,
        )

    async def _user(self, authorization: str, request: Request, api: DeployedApi) -> Caller:
        pools = [provider for provider in api.providers if provider.mode == AuthMode.COGNITO]
        claims = await token_claims(authorization, pools, self._tokens)
        groups = claims.get("cognito:groups")
        return Caller(
            AuthMode.COGNITO,
            {
                "sub": claims["sub"],
                "issuer": claims["iss"],
                "username": claims.get("cognito:username", claims.get("username")),
                "claims": claims,
                "sourceIp": _source_ip(request),
                "defaultAuthStrategy": pools[0].default_action,
                "groups": groups,
            },
            frozenset(groups or ()),
        )


def _source_ip(request: Request) -> list[str]:
    return [request.client.host] if request.client else []
