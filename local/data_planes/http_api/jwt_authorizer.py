"""Whether a token opens a route, by the rules of an HTTP API's JWT authorizer.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
"""

import re
from typing import Any

import jwt

from local.data_planes.http_api.deployed_api import Authorizer
from local.data_planes.user_pool_keys import UnknownKey, UserPoolKeys


class Unauthorized(Exception):
    """The request is refused with 401; `challenge` is the header `WWW-Authenticate` of the answer.

    Its form is that of https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-troubleshooting-jwt.html,
    where only the words about the audience are given; the others are ours (?).
    """

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason)
        self.challenge = f'Bearer scope="" error="invalid_token" error_description="{reason}"' if reason else "Bearer"


async def claims(authorization: str, authorizer: Authorizer, keys: UserPoolKeys) -> dict[str, Any]:
    """The claims of a valid token, with or without `Bearer`. Raises Unauthorized.

    Neither `token_use` nor a scope is looked at, so ID and access tokens open alike.
    """
    token = re.sub(r"^Bearer\s+", "", authorization.strip(), flags=re.IGNORECASE)
    if not token:
        raise Unauthorized
    try:
        key_id = str(jwt.get_unverified_header(token).get("kid", ""))
        # The issuer is AWS's name for the pool, on one machine too; only the keys come from the endpoint.
        key = await keys.find(authorizer.issuer.rpartition("/")[2], key_id)
        found: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=["RS256", "RS384", "RS512"],
            issuer=authorizer.issuer,
            options={"require": ["exp", "iss"], "verify_aud": False},
        )
    except UnknownKey:
        raise Unauthorized("the token is signed with an unknown key") from None
    except jwt.ExpiredSignatureError:
        raise Unauthorized("the token has expired") from None
    except jwt.InvalidIssuerError:
        raise Unauthorized("the token does not have a valid issuer") from None
    except jwt.InvalidTokenError:
        raise Unauthorized("the token is not valid") from None
    # `client_id` counts only where there is no `aud`.
    audience = found.get("aud", found.get("client_id"))
    if not authorizer.audience.intersection(audience if isinstance(audience, list) else [audience]):
        raise Unauthorized("the token does not have a valid audience")
    return found
