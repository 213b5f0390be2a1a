"""`make up`: the whole stack on this machine, in the foreground, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import json
import logging
import resource
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import uvicorn
import yarl
from pycognito.aws_srp import AWSSRP

from local import deploy, edge, frontend
from local.appsync.app import create_app as create_graphql_app
from local.appsync.request_signature import Credential
from local.cloud import ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY, Cloud, CloudFailed
from local.rest.app import create_app as create_rest_app

_HOST = "127.0.0.1"
_EXAMPLES = Path(__file__).parent.parent / "examples.graphql"
_OPEN_FILES = 10_240  # a request takes two; as many as macOS lets a program have
T = TypeVar("T")


class PortTaken(RuntimeError):
    """Something else listens on a port that this stack wants."""


class DoorClosed(RuntimeError):
    """The stack is up, and a sample file could not be opened through it."""


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="make up",
        description="Runs the whole stack on this machine: an embedded AWS, the stack deployed into it with the CDK, "
        "AppSync's and CloudFront's data planes in front. Everything listens on loopback and is gone when it stops.",
        epilog="example: make up CONTEXT='-c auth=off' OPTIONS='--cdn-port 8000'",
    )
    parser.add_argument(
        "-c", "--context", action="append", default=[], metavar="KEY=VALUE", help="CDK context, see cdk.json"
    )
    parser.add_argument("--aws-port", type=int, default=4566, help="the embedded AWS (default: %(default)s)")
    parser.add_argument("--graphql-port", type=int, default=4567, help="the GraphQL API (default: %(default)s)")
    parser.add_argument(
        "--cdn-port", type=int, default=4568, help="the files (default: %(default)s); 0 takes a free one"
    )
    parser.add_argument("--frontend-port", type=int, default=4569, help="the page (default: %(default)s)")
    parser.add_argument(
        "--rest-port", type=int, default=4570, help="the HTTP API, where `rest` is on (default: %(default)s)"
    )
    parser.add_argument(
        "--directory", type=Path, default=Path(".local"), help="logs and outputs.json (default: %(default)s)"
    )
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s: %(message)s")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < _OPEN_FILES:  # 1,024 on many systems; what is started from here inherits it
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, _OPEN_FILES), hard))
    failure: Exception | None = None
    try:
        asyncio.run(_until_stopped(_up(options)))
    except* (
        CloudFailed,
        DoorClosed,
        PortTaken,
        deploy.DeployFailed,
        deploy.MissingTool,
        frontend.NotBuilt,
    ) as failures:
        failure = failures.exceptions[0]
    while isinstance(failure, ExceptionGroup):
        failure = failure.exceptions[0]
    if failure:
        sys.exit(f"\n{failure}")


async def _until_stopped(work: Coroutine[Any, Any, None]) -> None:
    """Does the work until it fails or a person has had enough; either way what it started is stopped."""
    task = asyncio.ensure_future(work)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        print("\nStopped.")


async def _up(options: argparse.Namespace) -> None:
    began = time.monotonic()
    directory: Path = options.directory.resolve()
    directory.mkdir(parents=True, exist_ok=True)
    outputs_file = directory / "outputs.json"
    outputs_file.unlink(missing_ok=True)
    deploy.cdk_program()
    frontend.check_built()
    async with contextlib.AsyncExitStack() as cleanup:
        # Taken before anything starts, so that a taken port is said at once.
        graphql_door = cleanup.enter_context(_listen(options.graphql_port, "--graphql-port"))
        cdn_door = cleanup.enter_context(_listen(options.cdn_port, "--cdn-port"))
        frontend_door = cleanup.enter_context(_listen(options.frontend_port, "--frontend-port"))
        with _listen(options.aws_port, "--aws-port") as probe:
            aws_port = probe.getsockname()[1]
        graphql_origin, cdn_origin = (f"http://{_HOST}:{door.getsockname()[1]}" for door in (graphql_door, cdn_door))

        cloud = Cloud(directory, aws_port)
        deployment = deploy.Deployment(cloud, directory, edge_origin=cdn_origin, context=options.context)
        cleanup.push_async_callback(cloud.stop)
        async with asyncio.TaskGroup() as group:
            group.create_task(_step("synthesize the template", deployment.synthesize()))
            group.create_task(_step("start and bootstrap the embedded AWS", _start(cloud, deployment)))
        outputs = await _step("deploy the stack", deployment.deploy())
        outputs |= {"GraphqlUrl": f"{graphql_origin}/graphql", "CdnUrl": cdn_origin}
        outputs |= {"FrontendUrl": f"http://{_HOST}:{frontend_door.getsockname()[1]}"}
        outputs |= {"AwsEndpointUrl": cloud.endpoint_url, "AwsCaBundle": str(cloud.ca_bundle)}
        await asyncio.to_thread(deploy.upload_samples, cloud, outputs["BucketName"], outputs["DistributionId"])
        if "UserPoolId" in outputs:
            password = await asyncio.to_thread(deploy.add_demo_user, cloud, outputs["UserPoolId"])
            outputs |= {"DemoUser": deploy.DEMO_USER, "DemoPassword": password}

        token = functools.partial(asyncio.to_thread, _demo_token, cloud, outputs) if "DemoUser" in outputs else None
        await cleanup.enter_async_context(_serve(_graphql_app(cloud, outputs, token), graphql_door))
        await cleanup.enter_async_context(_serve(_cdn_app(cloud, outputs), cdn_door))
        if "RestUrl" in outputs:
            rest_door = cleanup.enter_context(_listen(options.rest_port, "--rest-port"))
            outputs["RestUrl"] = f"http://{_HOST}:{rest_door.getsockname()[1]}"
            await cleanup.enter_async_context(_serve(_rest_app(cloud, outputs), rest_door))
        page = frontend.create_app(outputs, ssl_context=cloud.ssl_context())
        await cleanup.enter_async_context(_serve(page, frontend_door))
        sample = await _step("open a file", _open_sample(outputs, await token() if token else None))
        cleanup.callback(outputs_file.unlink, missing_ok=True)
        _write_whole(outputs_file, json.dumps(outputs, indent=2))
        _welcome(outputs, sample, graphql_origin, time.monotonic() - began)
        raise CloudFailed(await cloud.ended())


async def _start(cloud: Cloud, deployment: deploy.Deployment) -> None:
    await cloud.start()
    await deployment.bootstrap()


async def _step(name: str, work: Awaitable[T]) -> T:
    began = time.monotonic()
    result = await work
    print(f"  {name:40} {time.monotonic() - began:5.1f} s", flush=True)
    return result


@contextlib.contextmanager
def _listen(port: int, option: str) -> Iterator[socket.socket]:
    """A socket that listens on loopback; raises PortTaken."""
    # Named as TCP, because asyncio sets TCP_NODELAY on no other; without it every answer waits 40 ms for an ACK.
    with socket.socket(proto=socket.IPPROTO_TCP) as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind((_HOST, port))
        except OSError as error:
            raise PortTaken(
                f"Port {port} on {_HOST} is taken ({error.strerror}). Is another stack running? "
                f"Name another port: make up OPTIONS='{option} {port + 1000}'"
            ) from error
        yield door


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # the whole program has one place that handles signals


@contextlib.asynccontextmanager
async def _serve(app: Any, door: socket.socket) -> AsyncIterator[None]:
    config = uvicorn.Config(app, lifespan="on", log_level="warning", access_log=False, server_header=False)
    config.timeout_graceful_shutdown = 3
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[door]))
    while not server.started:
        if serving.done():
            raise DoorClosed(f"The server at {door.getsockname()} did not start; see the lines above.")
        await asyncio.sleep(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        await serving


def _graphql_app(cloud: Cloud, outputs: dict[str, str], token: Callable[[], Awaitable[str]] | None) -> Any:
    apis = cloud.client("appsync").list_graphql_apis()["graphqlApis"]
    (api_id,) = (api["apiId"] for api in apis)
    root = Credential(secret_access_key=ROOT_SECRET_ACCESS_KEY, user_arn="arn:aws:iam::000000000000:root")
    return create_graphql_app(
        session=cloud.session(),
        api_id=api_id,
        region=outputs["Region"],
        aws_endpoint_url=cloud.endpoint_url,
        ca_bundle=str(cloud.ca_bundle),
        credentials={ROOT_ACCESS_KEY_ID: root},
        demo_token=token,
        examples=_EXAMPLES.read_text(encoding="utf-8"),
    )


def _rest_app(cloud: Cloud, outputs: dict[str, str]) -> Any:
    (api_id,) = (api["ApiId"] for api in cloud.client("apigatewayv2").get_apis()["Items"])
    return create_rest_app(
        session=cloud.session(),
        api_id=api_id,
        region=outputs["Region"],
        aws_endpoint_url=cloud.endpoint_url,
        ca_bundle=str(cloud.ca_bundle),
    )


def _cdn_app(cloud: Cloud, outputs: dict[str, str]) -> Any:
    return edge.create_app(
        cloudfront=cloud.client("cloudfront"),
        distribution_id=outputs["DistributionId"],
        edge_origin=outputs["CdnUrl"],
        aws_endpoint_url=cloud.endpoint_url,
        ssl_context=cloud.ssl_context(),
    )


def _demo_token(cloud: Cloud, outputs: dict[str, str]) -> str:
    """An access token of the demo user, who signs in by SRP as any user does."""
    user = AWSSRP(
        username=outputs["DemoUser"],
        password=outputs["DemoPassword"],
        pool_id=outputs["UserPoolId"],
        client_id=outputs["UserPoolClientId"],
        client=cloud.client("cognito-idp"),
    )
    return str(user.authenticate_user()["AuthenticationResult"]["AccessToken"])


async def _open_sample(outputs: dict[str, str], token: str | None) -> str:
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


def _write_whole(path: Path, text: str) -> None:
    """Whoever waits for the file never reads half of it."""
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(text + "\n")
    unfinished.rename(path)


def _welcome(outputs: dict[str, str], sample: str, graphql_origin: str, seconds: float) -> None:
    print(f"\nReady in {seconds:.0f} s. Everything is on this machine, and gone when it stops.\n")
    print(f"  The files            {outputs['FrontendUrl']}/")
    print(f"  Ask, in a browser    {graphql_origin}/")
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


if __name__ == "__main__":
    main()
