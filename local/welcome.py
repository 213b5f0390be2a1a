"""The end of a start: signs in the demo user, opens a sample file, and prints where everything is."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import yarl

from local.failures import Failure
from private_files.cognito import Cognito
from private_files.outputs import Outputs


class SampleFailed(Failure):
    """The stack is deployed, but a sample file cannot be opened."""


async def demo_token(outputs: Outputs) -> str:
    """Return an access token of the demo user, who signs in as any other user does."""
    signed_in = await asyncio.to_thread(Cognito(outputs).sign_in, outputs.demo_user, outputs.demo_password)
    return signed_in.access


async def open_sample(outputs: Outputs, token: str | None) -> str:
    """Return a signed URL of a sample file that was requested and opened as a client does it.

    Raises SampleFailed.
    """
    headers = {"Authorization": token} if token else {"x-api-key": outputs.api_key}

    async def execute(query: str, **variables: str) -> Any:
        request = {"query": query, "variables": variables}
        async with http.post(outputs.graphql_url, json=request, headers=headers) as response:
            result = await response.json()
        if result.get("errors"):
            raise SampleFailed(f"The GraphQL API returned an error: {result['errors'][0]['message']}")
        return result["data"]

    async with aiohttp.ClientSession() as http:
        name = (await execute("{ getFiles }"))["getFiles"][-1]
        url = str((await execute("query ($file: String!) { getUrl(file: $file) }", file=name))["getUrl"])
        async with http.get(yarl.URL(url, encoded=True)) as response:
            if response.status != 200:
                raise SampleFailed(f"The URL of {name} returned {response.status}: {await response.text()}")
    return url


def print_welcome(outputs: Outputs, sample: str, seconds: float) -> None:
    lines = {
        "Web page": f"{outputs.frontend_url}/",
        "GraphiQL": outputs.graphql_url.removesuffix("graphql"),
        "GraphQL API": outputs.graphql_url,
    }
    if outputs.rest_url:
        lines["HTTP API"] = f"{outputs.rest_url}/files"
    if outputs.demo_user:
        lines["Sign in as"] = f"{outputs.demo_user}   {outputs.demo_password}"
    else:
        lines["API key"] = outputs.api_key
    lines["Command line"] = ".venv/bin/private-files files"
    print(f"\nReady in {seconds:.0f} s. The stack runs on this machine only, and is deleted when it stops.\n")
    for label, value in lines.items():
        print(f"  {label:14} {value}")
    print("\nA signed URL of a sample file. It is refused once it expires, or if one character is changed:\n")
    print(f"  {sample}")
    print("\nPress Ctrl-C to stop.", flush=True)
