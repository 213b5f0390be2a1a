"""Common clients: gql, gql-cli, and many requests at a time."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from botocore.credentials import Credentials
from gql import Client, gql
from gql.transport.aiohttp import AIOHTTPTransport
from gql.transport.appsync_auth import (
    AppSyncApiKeyAuthentication,
    AppSyncAuthentication,
    AppSyncIAMAuthentication,
    AppSyncJWTAuthentication,
)

from tests.appsync_stand import ACCESS_KEY, API_KEY, REGION, SECRET_KEY, Aws, data_plane

QUERY = 'query Q { getUrl(name: "a b.jpg") }'
URL = "https://files.example.com/a%20b.jpg"


@pytest.fixture
def aws() -> Aws:
    return Aws(function=lambda _event: URL)


@pytest.fixture
def url(aws: Aws) -> Iterator[str]:
    with data_plane(aws) as url:
        yield f"{url}/graphql"


def authentication(kind: str, host: str, aws: Aws) -> AppSyncAuthentication:
    match kind:
        case "key":
            return AppSyncApiKeyAuthentication(host=host, api_key=API_KEY)
        case "token":
            return AppSyncJWTAuthentication(host=host, jwt=aws.token())
        case _:
            return AppSyncIAMAuthentication(
                host=host, region_name=REGION, credentials=Credentials(ACCESS_KEY, SECRET_KEY)
            )


@pytest.mark.parametrize("kind", ["key", "token", "signature"])
@pytest.mark.parametrize("with_port", [True, False])
def test_gql_client_gets_the_result(url: str, aws: Aws, kind: str, with_port: bool) -> None:
    parts = urlsplit(url)
    host = parts.netloc if with_port else str(parts.hostname)

    async def send() -> Any:
        transport = AIOHTTPTransport(url=url, auth=authentication(kind, host, aws))
        async with Client(transport=transport, fetch_schema_from_transport=True) as session:
            return await session.execute(gql(QUERY))

    assert asyncio.run(send()) == {"getUrl": URL}
    [event] = aws.events
    assert (event["identity"] is None) is (kind == "key")


def cli(url: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("gql-cli"), url, "--transport", "appsync_http", *arguments],
        input=QUERY,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **environment},
    )


@pytest.mark.slow
def test_gql_cli_with_an_api_key_gets_the_result(url: str) -> None:
    result = cli(url, "--api-key", API_KEY)
    assert result.stdout.strip() == f'{{"getUrl": "{URL}"}}', result.stderr


@pytest.mark.slow
def test_gql_cli_with_a_token_gets_the_result(url: str, aws: Aws) -> None:
    result = cli(url, "--jwt", aws.token())
    assert result.stdout.strip() == f'{{"getUrl": "{URL}"}}', result.stderr


@pytest.mark.slow
def test_gql_cli_with_a_signature_gets_the_result(url: str) -> None:
    result = cli(
        url,
        AWS_ACCESS_KEY_ID=ACCESS_KEY,
        AWS_SECRET_ACCESS_KEY=SECRET_KEY,
        AWS_DEFAULT_REGION=REGION,
        AWS_SESSION_TOKEN="",
    )
    assert result.stdout.strip() == f'{{"getUrl": "{URL}"}}', result.stderr


@pytest.mark.slow
def test_gql_cli_with_a_wrong_key_fails(url: str) -> None:
    result = cli(url, "--api-key", "da2-other")
    assert result.returncode != 0
    assert URL not in result.stdout


@pytest.mark.slow
def test_hundreds_of_concurrent_queries_succeed(aws: Aws) -> None:
    aws.function = lambda event: event["arguments"]["name"]

    async def send_all(url: str) -> list[Any]:
        headers = {"authorization": aws.token()}
        connector = aiohttp.TCPConnector(limit=100)
        async with aiohttp.ClientSession(headers=headers, connector=connector) as http:

            async def send(number: int) -> Any:
                query = {"query": f'{{ getUrl(name: "{number}") }}'}
                async with http.post(f"{url}/graphql", json=query) as response:
                    return (response.status, await response.json())

            return await asyncio.gather(*(send(number) for number in range(400)))

    with data_plane(aws, fresh=2.0) as url:
        responses = asyncio.run(send_all(url))
    assert responses == [(200, {"data": {"getUrl": str(number)}}) for number in range(400)]


def test_at_most_64_functions_run_at_a_time(aws: Aws) -> None:
    running, most = 0, 0

    async def function(_event: Any) -> str:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1
        return "x"

    fields = " ".join(f"f{number}: names" for number in range(200))
    aws.function = function

    async def send(url: str) -> Any:
        async with aiohttp.ClientSession() as http:
            headers = {"x-api-key": API_KEY}
            async with http.post(f"{url}/graphql", json={"query": f"{{ {fields} }}"}, headers=headers) as response:
                return await response.json()

    with data_plane(aws) as url:
        assert len(asyncio.run(send(url))["data"]) == 200
    assert 1 < most <= 64
