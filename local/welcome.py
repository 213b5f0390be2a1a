"""The end of a start: signs in the demo users, opens a sample file, and prints where everything is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import yarl

from local.failures import Failure
from private_files import failures
from private_files.cognito import Cognito
from private_files.outputs import Outputs


class SampleFailed(Failure):
    """The stack is deployed, but a sample file cannot be opened."""


async def token(outputs: Outputs, user: str, password: str) -> str:
    """Return an access token of this user, who signs in as any other user does. Raises SampleFailed."""
    try:
        signed_in = await asyncio.to_thread(Cognito(outputs).sign_in, user, password)
    except failures.Failure as failure:
        raise SampleFailed(f"{user} cannot sign in: {failure}") from failure
    return signed_in.access


async def allowed_prefixes(outputs: Outputs) -> list[str]:
    """Return the prefixes that the demo users, or the API key, may read. Raises SampleFailed."""
    callers = [{"x-api-key": outputs.api_key}]
    if outputs.demo_user:
        users = ((outputs.demo_user, outputs.demo_password), (outputs.second_user, outputs.second_password))
        callers = [{"Authorization": await token(outputs, *user)} for user in users]
    found: set[str] = set()
    for headers in callers:
        allowed = (await _execute(outputs, headers, "{ getAccess { prefix read } }"))["getAccess"]
        found |= {entry["prefix"] for entry in allowed if entry["read"]}
    return sorted(found)


async def open_sample(outputs: Outputs, demo_token: Callable[[], Awaitable[str]] | None) -> str:
    """Return a signed URL of a sample file that was requested and opened as a client does it.

    The empty text if the demo user may read no file. Raises SampleFailed.
    """
    headers = {"Authorization": await demo_token()} if demo_token else {"x-api-key": outputs.api_key}
    names = (await _execute(outputs, headers, "{ getFiles }"))["getFiles"]
    if not names:
        return ""
    query = "query ($file: String!) { getUrl(file: $file) }"
    url = str((await _execute(outputs, headers, query, file=names[-1]))["getUrl"])
    async with aiohttp.ClientSession() as http, http.get(yarl.URL(url, encoded=True)) as response:
        if response.status != 200:
            raise SampleFailed(f"The URL of {names[-1]} returned {response.status}: {await response.text()}")
    return url


async def _execute(outputs: Outputs, headers: dict[str, str], query: str, **variables: str) -> Any:
    request = {"query": query, "variables": variables}
    async with (
        aiohttp.ClientSession() as http,
        http.post(outputs.graphql_url, json=request, headers=headers) as response,
    ):
        result = await response.json()
    if result.get("errors"):
        raise SampleFailed(f"The GraphQL API returned an error: {result['errors'][0]['message']}")
    return result["data"]


def print_welcome(outputs: Outputs, sample: str, mail: Path, seconds: float, kept: Path | None) -> None:
    lines = {
        "Web page": f"{outputs.frontend_url}/",
        "GraphiQL": outputs.graphql_url.removesuffix("graphql"),
        "GraphQL API": outputs.graphql_url,
    }
    if outputs.rest_url:
        lines["HTTP API"] = f"{outputs.rest_url}/files"
    if outputs.demo_user:
        lines["Sign in as"] = f"{outputs.demo_user}   {outputs.demo_password}"
        if outputs.second_user:
            lines["or as"] = f"{outputs.second_user}   {outputs.second_password}"
        lines["E-mails"] = f"{mail}   (codes for forgotten passwords)"
    else:
        lines["API key"] = outputs.api_key
    lines["Command line"] = ".venv/bin/private-files files"
    rest = f"Its files and users are kept in {kept}." if kept else "It is deleted when it stops."
    print(f"\nReady in {seconds:.0f} s. The stack runs on this machine only. {rest}\n")
    for label, value in lines.items():
        print(f"  {label:14} {value}")
    if outputs.second_user:
        print("\nTo see what the access rules allow each user:\n")
        print("  .venv/bin/private-files access")
        print(f"  .venv/bin/private-files access --username {outputs.second_user}")
    if sample:
        print("\nA signed URL of a sample file. It is refused once it expires, or if one character is changed:\n")
        print(f"  {sample}")
    else:
        print("\nNo sample was opened: the demo user has or must set up an authenticator app, or may read no file.")
    print("\nPress Ctrl-C to stop.", flush=True)
