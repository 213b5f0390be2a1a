"""`make up`: the whole stack on this machine, in the foreground, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import resource
import signal
import sys
import time
from collections.abc import Awaitable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from local import deploy, frontend, servers, welcome
from local import endpoints as data_planes
from local.embedded_aws.emulator import Cloud, CloudFailed

_OPEN_FILES = 10_240  # a request takes two; as many as macOS lets a program have
T = TypeVar("T")


def main() -> None:
    options = _options()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s: %(message)s")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < _OPEN_FILES:  # 1,024 on many systems; what is started from here inherits it
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, _OPEN_FILES), hard))
    failure: Exception | None = None
    try:
        asyncio.run(_until_stopped(_up(options)))
    except* (
        CloudFailed,
        deploy.DeployFailed,
        deploy.MissingTool,
        frontend.NotBuilt,
        servers.DoorClosed,
        servers.PortTaken,
    ) as failures:
        failure = failures.exceptions[0]
    while isinstance(failure, ExceptionGroup):
        failure = failure.exceptions[0]
    if failure:
        sys.exit(f"\n{failure}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make up",
        description="Runs the whole stack on this machine: an embedded AWS, the stack deployed into it with the CDK, "
        "the data planes of AppSync, CloudFront and API Gateway in front, and the page. Everything listens on loopback "
        "and is gone when it stops. Port 0 takes a free one.",
        epilog="example: make up CONTEXT='-c rest=on' OPTIONS='--cdn-port 8000'",
    )
    parser.add_argument(
        "-c", "--context", action="append", default=[], metavar="KEY=VALUE", help="CDK context, see cdk.json"
    )
    for name, default, answers in (
        ("aws", 4566, "the embedded AWS"),
        ("graphql", 4567, "the GraphQL API"),
        ("cdn", 4568, "the files"),
        ("frontend", 4569, "the page"),
        ("rest", 4570, "the HTTP API, where `rest` is on"),
    ):
        parser.add_argument(f"--{name}-port", type=int, default=default, help=f"{answers} (default: %(default)s)")
    parser.add_argument(
        "--directory", type=Path, default=Path(".local"), help="logs and outputs.json (default: %(default)s)"
    )
    return parser.parse_args()


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
        graphql_door = cleanup.enter_context(servers.listen(options.graphql_port, "--graphql-port"))
        cdn_door = cleanup.enter_context(servers.listen(options.cdn_port, "--cdn-port"))
        frontend_door = cleanup.enter_context(servers.listen(options.frontend_port, "--frontend-port"))
        rest_door = cleanup.enter_context(servers.listen(options.rest_port, "--rest-port"))
        with servers.listen(options.aws_port, "--aws-port") as probe:
            aws_port = probe.getsockname()[1]

        cloud = Cloud(directory, aws_port)
        deployment = deploy.Deployment(cloud, directory, cdn_url=servers.origin(cdn_door), context=options.context)
        cleanup.push_async_callback(cloud.stop)
        async with asyncio.TaskGroup() as group:
            group.create_task(_step("synthesize the template", deployment.synthesize()))
            group.create_task(_step("start and bootstrap the embedded AWS", _start(cloud, deployment)))
        outputs = await _step("deploy the stack", deployment.deploy())
        outputs |= {"GraphqlUrl": f"{servers.origin(graphql_door)}/graphql", "CdnUrl": servers.origin(cdn_door)}
        outputs |= {"FrontendUrl": servers.origin(frontend_door)}
        outputs |= {"AwsEndpointUrl": cloud.endpoint_url, "AwsCaBundle": str(cloud.ca_bundle)}
        await asyncio.to_thread(deploy.upload_samples, cloud, outputs["BucketName"], outputs["DistributionId"])
        if "UserPoolId" in outputs:
            password = await asyncio.to_thread(deploy.add_demo_user, cloud, outputs["UserPoolId"])
            outputs |= {"DemoUser": deploy.DEMO_USER, "DemoPassword": password}

        async def demo_token() -> str:
            return await asyncio.to_thread(welcome.demo_token, outputs)

        token = demo_token if "DemoUser" in outputs else None
        await cleanup.enter_async_context(servers.serve(data_planes.graphql(cloud, outputs, token), graphql_door))
        await cleanup.enter_async_context(servers.serve(data_planes.cdn(cloud, outputs), cdn_door))
        if "RestUrl" in outputs:
            outputs["RestUrl"] = servers.origin(rest_door)
            await cleanup.enter_async_context(servers.serve(data_planes.rest(cloud, outputs), rest_door))
        else:
            rest_door.close()
        page = frontend.create_app(outputs, ssl_context=cloud.ssl_context())
        await cleanup.enter_async_context(servers.serve(page, frontend_door))
        sample = await _step("open a file", welcome.open_sample(outputs, await token() if token else None))
        cleanup.callback(outputs_file.unlink, missing_ok=True)
        _write_whole(outputs_file, json.dumps(outputs, indent=2))
        welcome.print_welcome(outputs, sample, time.monotonic() - began)
        raise CloudFailed(await cloud.ended())


async def _start(cloud: Cloud, deployment: deploy.Deployment) -> None:
    await cloud.start()
    await deployment.bootstrap()


async def _step(name: str, work: Awaitable[T]) -> T:
    began = time.monotonic()
    result = await work
    print(f"  {name:40} {time.monotonic() - began:5.1f} s", flush=True)
    return result


def _write_whole(path: Path, text: str) -> None:
    """Whoever waits for the file never reads half of it."""
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(text + "\n")
    unfinished.rename(path)


if __name__ == "__main__":
    main()
