"""IAM patch: what the data plane of AppSync must know of an IAM caller, which no AWS API returns.

AppSync verifies a signature with the caller's secret and evaluates the caller's policies for each top-level field:
https://docs.aws.amazon.com/appsync/latest/devguide/security-authz.html#aws-iam-authorization
"""

from __future__ import annotations

import json
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from local.embedded_aws import upstream
from local.embedded_aws.port import IAM_CALLER_PATH

_CALLED = {"resolve_credential": "32276bd395ef", "resolve_principal": "b6c6131e24bf", "evaluate": "2a5dd6932d1a"}


class IamCallers:
    """Serves IAM_CALLER_PATH, which needs the secret of the run, and passes every other request to `app`.

    A request has `accessKeyId`, `sessionToken` and `resources`, ARNs of fields. The response has `secretAccessKey`,
    `arn` and `allowed`, those of the fields that the caller's policies allow; or, with 403, `errorType` and `message`.
    """

    def __init__(self, app: ASGIApp) -> None:
        for name, digest in _CALLED.items():
            upstream.original(iam_evaluator, name, digest)
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != IAM_CALLER_PATH:
            await self._app(scope, receive, send)
            return
        described = json.loads(await Request(scope, receive).body())
        await _describe(described["accessKeyId"], described["sessionToken"], described["resources"])(
            scope, receive, send
        )


def _describe(access_key_id: str, session_token: str, resources: list[str]) -> JSONResponse:
    account = get_account_id()
    credential = iam_evaluator.resolve_credential(access_key_id, account, session_token)
    if isinstance(credential, iam_evaluator.CredentialResolutionError):
        return JSONResponse({"errorType": credential.code, "message": credential.message}, 403)
    principal = iam_evaluator.resolve_principal(access_key_id, account, credential)
    if isinstance(principal, iam_evaluator.AuthError):
        return JSONResponse({"errorType": principal.code, "message": principal.message}, 403)
    allowed = [resource for resource in resources if _is_allowed(principal, resource)]
    found = {"secretAccessKey": credential.secret_access_key, "arn": credential.principal_arn, "allowed": allowed}
    return JSONResponse(found)


def _is_allowed(principal: Any, resource: str) -> bool:
    if principal.policies is None:
        return True  # the root user
    context = iam_evaluator.EvalContext(
        principal_arn=principal.arn,
        principal_type=principal.type,
        principal_account=principal.account,
        action="appsync:GraphQL",
        resource_arn=resource,
        region=resource.split(":")[3],
        service_context={},
        principal_keys=principal.keys,
    )
    return bool(iam_evaluator.evaluate(context, principal.policies, *principal.limits).decision == "Allow")
