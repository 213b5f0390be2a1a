"""The IAM users and roles of the emulator as callers: their secrets, and the fields that their policies allow."""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import aiohttp

from local.data_planes.appsync.errors import RequestError
from local.data_planes.appsync.request_signature import INVALID_TOKEN, Credential
from local.data_planes.deployed_state import Unreadable

_TIMEOUT = aiohttp.ClientTimeout(total=10)


@dataclass(frozen=True)
class IamCallers:
    """Reads IAM callers from the emulator at `url`, which requires `headers`; `api_arn` is the ARN of the API."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    api_arn: str
    ssl_context: ssl.SSLContext

    async def __call__(self, access_key_id: str, session_token: str, fields: Iterable[tuple[str, str]]) -> Credential:
        """Return the credential with this access key id, and which of these fields (type, name) its policies deny.

        Raises RequestError (403) if there is none or it has expired, and Unreadable if the emulator does not respond.
        """
        resources = {f"{self.api_arn}/types/{type_name}/fields/{name}": (type_name, name) for type_name, name in fields}
        request = {"accessKeyId": access_key_id, "sessionToken": session_token, "resources": list(resources)}
        try:
            connector = aiohttp.TCPConnector(ssl=self.ssl_context)
            async with (
                aiohttp.ClientSession(connector=connector, timeout=_TIMEOUT) as http,
                http.post(self.url, json=request, headers=self.headers) as response,
            ):
                found = await response.json()
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise Unreadable(f"the caller's credential: {type(error).__name__}") from error
        if response.status != 200:
            expired = found["errorType"] == "ExpiredTokenException"
            name = found["errorType"] if expired else "UnrecognizedClientException"
            raise RequestError(403, name, found["message"] if expired else INVALID_TOKEN)
        return Credential(
            secret_access_key=found["secretAccessKey"],
            user_arn=found["arn"],
            session_token=session_token or None,
            denied=frozenset(resources[resource] for resource in resources.keys() - set(found["allowed"])),
        )
