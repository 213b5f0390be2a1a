"""What a person gets once the stack is up: proof that it opens files, and where everything is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aiohttp
import yarl

from local.servers import DoorClosed
from private_files.cognito import Cognito
from private_files.outputs import Outputs


def demo_token(outputs: Mapping[str, str]) -> str:
    """Return an access token of the demo user, who signs in by SRP as any user does."""
    stack = Outputs.from_json(outputs)
    return Cognito(stack).sign_in(stack.demo_user, stack.demo_password).access


async def open_sample(outputs: Mapping[str, str], token: str | None) -> str:
    """A signed URL that just opened a sample file, the way a client asks for it; raises DoorClosed."""
    headers = {"Authorization": token} if token else {"x-api-key": outputs["ApiKey"]}

    async def ask(query: str, **variables: str) -> Any:
        request = {"query": query, "variables": variables}
        async with http.post(outputs["GraphqlUrl"], json=request, headers=headers) as response:
            answer = await response.json()
        if answer.get("errors"):
            raise DoorClosed(f"The GraphQL API refused: {answer['errors'][0]['message']}")
        return answer["data"]

    async with aiohttp.ClientSession() as http:
        names = (await ask("{ getFiles }"))["getFiles"]
        url = str((await ask("query ($file: String!) { getUrl(file: $file) }", file=names[-1]))["getUrl"])
        async with http.get(yarl.URL(url, encoded=True)) as response:
            if response.status != 200:
                raise DoorClosed(f"{names[-1]} could not be opened: {response.status} {await response.text()}")
    return url


def print_welcome(outputs: Mapping[str, str], sample: str, seconds: float) -> None:
    print(f"\nReady in {seconds:.0f} s. Everything is on this machine, and gone when it stops.\n")
    print(f"  The files            {outputs['FrontendUrl']}/")
    print(f"  GraphiQL             {outputs['GraphqlUrl'].removesuffix('graphql')}")
    print(f"  Ask, from a program  {outputs['GraphqlUrl']}")
    if "RestUrl" in outputs:
        print(f"  Ask, by REST         {outputs['RestUrl']}/files")
    if "DemoUser" in outputs:
        print(f"  Sign in as           {outputs['DemoUser']}   {outputs['DemoPassword']}")
    else:
        print(f"  API key              {outputs['ApiKey']}")
    print("  Or, in a terminal    .venv/bin/private-files files")
    print(f"\nA private file; change one character, or wait until it expires, and it is refused:\n\n  {sample}\n")
    print("Ctrl-C stops it.", flush=True)
