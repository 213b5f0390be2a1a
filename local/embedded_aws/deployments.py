"""CloudFormation patch: a request that starts to change a stack gets its response when the change has ended.

CloudFormation and ministack respond at once. The CDK then asks for the state of the stack every five seconds, although
the emulator changes a stack in two. The order of states is the same, so that no client sees a difference but the time.

CloudFormation also waits until a version with SnapStart can be invoked. ministack does not, and refuses invocations
until then.
"""

import asyncio
import logging
from collections.abc import Coroutine
from contextvars import ContextVar
from typing import Any

from ministack.services import cloudformation, lambda_svc
from ministack.services.cloudformation import changesets, handlers, stacks

from local.embedded_aws import upstream

log = logging.getLogger(__name__)
LONGEST_WAIT = 20  # seconds, well before a client gives up; the change then goes on

_started: ContextVar[list[asyncio.Task[Any]]] = ContextVar("started")


def apply() -> None:
    handle = upstream.original(cloudformation, "handle_request", "af2b98f8e97b")
    upstream.original(lambda_svc, "_stamp_snapstart_published_version", "5a6d2a2d5828")
    modules = (stacks, changesets, handlers)  # each has it under its own name
    for module in modules:
        upstream.original(module, "_create_stack_task_in_region", "56e8e40df26f")

    def create_task(coroutine: Coroutine[Any, Any, None], stack: Any, stack_id: str | None = None) -> None:
        with stacks._stack_region_context(stack, stack_id):
            task = asyncio.get_running_loop().create_task(coroutine)
        if (started := _started.get(None)) is not None:
            started.append(task)

    async def handle_and_wait(*request: Any) -> Any:
        started: list[asyncio.Task[Any]] = []
        token = _started.set(started)
        try:
            response = await handle(*request)
        finally:
            _started.reset(token)
        if started:
            ends = asyncio.get_running_loop().time() + LONGEST_WAIT
            ended, _ = await asyncio.wait(started, timeout=LONGEST_WAIT)
            while _has_versions_to_come() and asyncio.get_running_loop().time() < ends:
                await asyncio.sleep(0.05)
            for task in ended:
                if not task.cancelled() and (error := task.exception()):
                    log.error("a change of a stack ended with an error", exc_info=error)
        return response

    for module in modules:
        module._create_stack_task_in_region = create_task
    cloudformation.handle_request = handle_and_wait


def _has_versions_to_come() -> bool:
    return any(
        version["config"].get("State") == "Pending"
        for function in lambda_svc._functions.all_values()
        for version in function.get("versions", {}).values()
    )
