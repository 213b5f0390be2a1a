"""`make up`: runs the whole stack on this machine, in the foreground, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import errno
import json
import locale
import logging
import os
import resource
import signal
import sys
import time
from collections.abc import Awaitable, Coroutine
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from local import changes, demo, deploy, endpoints, environment, frontend, servers, welcome
from local import directory as run_directory
from local.embedded_aws.emulator import Emulator, EmulatorFailed
from local.embedded_aws.kept_folder import KeptFolder, open_folder
from local.failures import Failure
from local.programs import PROJECT
from local.updates import Updates
from local.watch import Watch
from private_files.outputs import Outputs

_OPEN_FILES = 10_240  # a request takes two; macOS allows no more for one process
_SECONDS_BETWEEN_REPORTS = 30
_SERVERS = ("graphql", "cdn", "frontend", "rest", "uploads")
T = TypeVar("T")


def main() -> None:
    options = _options()
    isolated = environment.isolated(os.environ)  # for the AWS clients of this process and for its child processes
    os.environ.clear()
    os.environ.update(isolated)
    encodings = (sys.getfilesystemencoding(), locale.getpreferredencoding(False), sys.stdout.encoding)
    if any(encoding.lower() != "utf-8" for encoding in encodings):  # once: PYTHONUTF8 is set now
        os.execv(sys.executable, [sys.executable, "-m", "local", *sys.argv[1:]])  # noqa: S606 - this program again
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s: %(message)s")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < _OPEN_FILES:  # 1,024 on many systems; child processes inherit the limit
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, _OPEN_FILES), hard))
    failure: Exception | None = None
    try:
        asyncio.run(_until_stopped(_up(options)))
    except* Failure as failures:
        failure = failures
    except* OSError as errors:
        disk_full, others = errors.split(lambda error: isinstance(error, OSError) and error.errno == errno.ENOSPC)
        if others or not disk_full:
            raise
        failure = Failure(f"The disk of {options.directory.resolve()} is full. Free some space and try again.")
    while isinstance(failure, ExceptionGroup):
        failure = failure.exceptions[0]
    if failure:
        print(f"\n{failure}", file=sys.stderr)
        sys.exit(2 if isinstance(failure, run_directory.DirectoryUnusable) else 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make up",
        usage="make up [CONTEXT='-c KEY=VALUE ...'] [OPTIONS='...']",
        description="Run the whole stack on this machine: deploy it with the CDK into ministack, an AWS emulator, and "
        "serve AppSync, API Gateway, CloudFront and the web page in front of it. Everything listens on 127.0.0.1 "
        "and is deleted when it stops, unless it is kept. Port 0 is any free port.",
        epilog="example: make up CONTEXT='-c rest=on' OPTIONS='--cdn-port 8000'",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    context = "a setting; see docs/configure.md and cdk.json"
    parser.add_argument("-c", "--context", action="append", default=[], metavar="KEY=VALUE", help=context)
    for name, default, server in (
        ("aws", 4566, "AWS APIs of the emulator"),
        ("graphql", 4567, "GraphQL API and GraphiQL"),
        ("cdn", 4568, "signed URLs"),
        ("frontend", 4569, "web page"),
        ("rest", 4570, "HTTP API, if `rest` is on"),
        ("uploads", 4571, "files that pages send, if `uploads` is on"),
    ):
        parser.add_argument(f"--{name}-port", type=_port, default=default, metavar="PORT", help=server)
    parser.add_argument(
        "--watch",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="deploy changes of resolvers/ and the schema, and build those of the page, while the stack runs",
    )
    parser.add_argument(
        "--keep",
        action="store_true",
        help="keep files and users for the next start with this option, in a folder of the directory",
    )
    parser.add_argument("--directory", type=Path, default=Path(".local"), help="where logs and outputs.json go")
    options = parser.parse_args()
    ports: dict[int, str] = {}
    for name in ("aws", *_SERVERS):
        port = getattr(options, f"{name}_port")
        if port and port in ports:
            parser.error(f"--{ports[port]}-port and --{name}-port are both {port}: choose different ports")
        ports[port] = name
    return options


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: choose a number from 0 to 65535")
    return int(text)


async def _until_stopped(work: Coroutine[Any, Any, None]) -> None:
    """Run until the work fails or a signal cancels it; in both cases everything that it started is stopped."""
    task = asyncio.ensure_future(work)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        print("\nStopped.")


async def _up(options: argparse.Namespace) -> None:
    started = time.monotonic()
    directory: Path = options.directory.resolve()
    outputs_file = directory / "outputs.json"
    deploy.cdk_program()
    frontend.check_built()
    sources = changes.content(PROJECT) if options.watch else {}  # what is deployed now is made from these
    async with contextlib.AsyncExitStack() as cleanup:
        cleanup.enter_context(run_directory.lock(directory))
        # Opened before anything starts, so that a port that is taken is reported first.
        sockets = {
            name: cleanup.enter_context(servers.listen(getattr(options, f"{name}_port"), f"--{name}-port"))
            for name in _SERVERS
        }
        base_urls = {name: servers.base_url(listening) for name, listening in sockets.items()}
        kept = _kept(directory) if options.keep else None
        port = servers.free_port(options.aws_port, "--aws-port")
        emulator = Emulator(directory, port, kept.path if kept else None)
        outputs_file.unlink(missing_ok=True)  # not before: it may belong to a stack that has these ports
        cleanup.push_async_callback(emulator.stop)

        deployment = deploy.Deployment(emulator, directory, cdn_url=base_urls["cdn"], context=options.context)
        outputs = _on_this_machine(await _deploy(emulator, deployment), emulator, base_urls)
        if kept and (sentence := kept.why_not(outputs.bucket_name)):
            print(sentence)
        is_new = kept is None or outputs.bucket_name not in kept.buckets
        if is_new:
            await asyncio.to_thread(demo.upload_samples, emulator, outputs)
        principals = await asyncio.to_thread(demo.principals, emulator, outputs)
        users = emulator.client("cognito-idp")
        outputs = await asyncio.to_thread(demo.add_users, users, outputs, principals)
        person_needed = await asyncio.to_thread(demo.needs_second_factor, users, outputs)
        token = partial(welcome.token, outputs, outputs.demo_user, outputs.demo_password)

        demo_token = token if outputs.demo_user and not person_needed else None
        for name, app in endpoints.apps(emulator, outputs, demo_token).items():
            await cleanup.enter_async_context(servers.serve(app, sockets.pop(name)))
        for unused in sockets.values():
            unused.close()
        if principals and is_new and not person_needed:
            prefixes = await welcome.allowed_prefixes(outputs)
            await asyncio.to_thread(demo.upload_samples, emulator, outputs, prefixes)
        if kept:
            kept.add(outputs.bucket_name)
        sample = "" if person_needed else await _step("open a sample file", welcome.open_sample(outputs, demo_token))

        cleanup.callback(outputs_file.unlink, missing_ok=True)
        _write_whole(outputs_file, json.dumps(outputs.to_json(), indent=2))
        welcome.print_welcome(outputs, sample, emulator.mail, time.monotonic() - started, kept.path if kept else None)
        async with asyncio.TaskGroup() as group:
            if options.watch:
                print("What you change in the sources takes effect while it runs.", flush=True)
                actions = Updates(emulator, outputs, deployment.assembly).actions()
                group.create_task(Watch(PROJECT, sources, actions, _print_change).run())
            raise EmulatorFailed(await emulator.ended())


def _kept(directory: Path) -> KeptFolder:
    """Return the folder of what earlier runs have kept, and print why it is empty if it does not fit."""
    kept, sentence = open_folder(directory)
    if sentence:
        print(sentence)
    return kept


def _print_change(line: str) -> None:
    print(f"{datetime.now():%H:%M:%S}  {line}", flush=True)


async def _deploy(emulator: Emulator, deployment: deploy.Deployment) -> Outputs:
    """Start the emulator and return the outputs of the stack, now deployed into it."""

    async def start() -> None:
        await emulator.start()
        await deployment.bootstrap()

    print("Starting ministack, an AWS emulator, and deploying the stack into it:", flush=True)
    async with asyncio.TaskGroup() as group:
        group.create_task(_step("synthesize the template", deployment.synthesize()))
        group.create_task(_step("start the emulator, bootstrap the CDK", start()))
    return await _step("deploy the stack", deployment.deploy())


def _on_this_machine(outputs: Outputs, emulator: Emulator, base_urls: dict[str, str]) -> Outputs:
    """Return the outputs with the URLs of this machine in place of those of AWS."""
    return replace(
        outputs,
        graphql_url=f"{base_urls['graphql']}/graphql",
        cdn_url=base_urls["cdn"],
        frontend_url=base_urls["frontend"],
        rest_url=outputs.rest_url and base_urls["rest"],
        uploads_url=outputs.uploads_url and base_urls["uploads"],
        aws_endpoint_url=emulator.endpoint_url,
        aws_ca_bundle=str(emulator.ca_bundle),
    )


async def _step(name: str, work: Awaitable[T]) -> T:
    started = time.monotonic()
    reports = asyncio.create_task(_report(name, started))
    try:
        result = await work
    finally:
        reports.cancel()
    print(f"  {name:40} {time.monotonic() - started:5.1f} s", flush=True)
    return result


async def _report(name: str, started: float) -> None:
    while True:
        await asyncio.sleep(_SECONDS_BETWEEN_REPORTS)
        print(f"  {name:40} {time.monotonic() - started:5.0f} s, not finished yet", flush=True)


def _write_whole(path: Path, text: str) -> None:
    """Write the file in one step, so that a program that waits for it never reads half of it."""
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(text + "\n")
    unfinished.rename(path)


if __name__ == "__main__":
    main()
