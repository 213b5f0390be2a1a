"""Authorizes a token by the rules of an HTTP API's JWT authorizer.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
"""

from typing import Any

import jwt

from local.data_planes.http_api.deployed_api import Authorizer
from local.data_planes.user_pool_tokens import UnknownKey, UserPoolTokens, bearer_token


class Unauthorized(Exception):
    """The request is refused with 401; `challenge` is the header `WWW-Authenticate` of the response.

    Its form is that of https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-troubleshooting-jwt.html,
    which only has the words about the audience; the others are ours (?).
    """

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason)
        self.challenge = f'Bearer scope="" error="invalid_token" error_description="{reason}"' if reason else "Bearer"


async def claims(authorization: str, authorizer: Authorizer, tokens: UserPoolTokens) -> dict[str, Any]:
    """Return the claims of a valid token, with or without `Bearer`. Raises Unauthorized.

    Neither `token_use` nor scopes are checked, so ID tokens and access tokens are both accepted.
    """
    token = bearer_token(authorization)
    if not token:
        raise Unauthorized
    try:
        found = await tokens.claims(
            token, authorizer.issuer, algorithms=["RS256", "RS384", "RS512"], required=["exp", "iss"]
        )
    except UnknownKey:
        raise Unauthorized("the token is signed with an unknown key") from None
    except jwt.ExpiredSignatureError:
        raise Unauthorized("the token has expired") from None
    except jwt.InvalidIssuerError:
        raise Unauthorized("the token does not have a valid issuer") from None
    except jwt.InvalidTokenError:
        raise Unauthorized("the token is not valid") from None
    # `client_id` counts only if there is no `aud`.
    audience = found.get("aud", found.get("client_id"))
    if not authorizer.audience.intersection(audience if isinstance(audience, list) else [audience]):
        raise Unauthorized("the token does not have a valid audience")
    return found
