"""Lambda as it is on AWS: what functions raise, run and leave behind."""

import threading
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import cloudwatch, cloudwatch_logs, lambda_svc

_RAISED = "raised by the handler"  # marks, between worker and server, what is an exception and no result
_KEPT = 5000  # invocations of each function in its log, and points of each of its metrics

# Runs in every worker, before the function's own code is there.
_PROGRAMS_OF_LAYERS = """
    import subprocess

    class Popen(subprocess.Popen):
        def __init__(self, args, *rest, **options):
            if isinstance(args, list) and args[0].startswith("/opt/"):
                layers = os.environ["_LAMBDA_LAYERS_DIRS"].split(os.pathsep)
                programs = [layer + args[0].removeprefix("/opt") for layer in layers]
                args = [sys.executable, *filter(os.path.exists, programs), *args[1:]]
            super().__init__(args, *rest, **options)

    subprocess.Popen = Popen
"""


def teach() -> None:
    _keep_what_functions_raise()
    _run_programs_of_layers()
    _let_invocations_finish()
    _forget_old_invocations()


def _keep_what_functions_raise() -> None:
    script = lambda_runtime._PYTHON_WORKER_SCRIPT
    says = '{"status": "error", "error": str(e), "trace": traceback.format_exc()}'
    if says not in script:
        raise RuntimeError("This release of ministack runs functions in another way; see _keep_what_functions_raise.")
    error = (
        '{"errorMessage": str(e), "errorType": type(e).__name__, "stackTrace": traceback.format_tb(e.__traceback__)}'
    )
    lambda_runtime._PYTHON_WORKER_SCRIPT = script.replace(
        says, f'{{"status": "ok", "result": {{"{_RAISED}": {error}}}}}'
    )
    execute = lambda_svc._execute_function_warm

    def execute_as_lambda_does(*arguments: Any, **options: Any) -> dict[str, Any]:
        result: dict[str, Any] = execute(*arguments, **options)
        body = result.get("body")
        return (
            {**result, "body": body[_RAISED], "error": True} if isinstance(body, dict) and _RAISED in body else result
        )

    lambda_svc._execute_function_warm = execute_as_lambda_does


def _run_programs_of_layers() -> None:
    # AWS unpacks a layer at /opt, and the Python programs in it name an interpreter that is not here. CDK's
    # BucketDeployment runs one, and has it trust the authorities in a file that only AWS has.
    lambda_runtime._RESERVED_RUNTIME_ENV_VARS.add("AWS_CA_BUNDLE")
    script = lambda_runtime._PYTHON_WORKER_SCRIPT
    begins = "    os.environ.update(env)\n"
    if begins not in script:
        raise RuntimeError("This release of ministack runs functions in another way; see _run_programs_of_layers.")
    lambda_runtime._PYTHON_WORKER_SCRIPT = script.replace(begins, begins + _PROGRAMS_OF_LAYERS)


def _let_invocations_finish() -> None:
    # An update of a function ends its sandboxes. On AWS those that are at work finish first.
    kill = lambda_runtime.kill_workers

    def kill_when_idle(workers: list[Any]) -> None:
        for worker in workers:
            with worker._lock:  # held for the length of an invocation
                kill([worker])

    def kill_soon(workers: list[Any]) -> None:
        threading.Thread(target=kill_when_idle, args=(workers,), daemon=True).start()

    lambda_runtime.kill_workers = kill_soon


def _forget_old_invocations() -> None:
    # Every invocation leaves a log stream of its own and four points of metrics: 4 KB, which nobody would ever free.
    deliver, record = cloudwatch_logs._fanout_to_subscription_filters, cloudwatch.record_metric

    def deliver_and_forget(group: str, stream: str, events: list[Any]) -> None:
        deliver(group, stream, events)
        streams = cloudwatch_logs._log_groups[group]["streams"]
        for name in list(streams)[:-_KEPT]:  # in one step, because other invocations end at the same time
            streams.pop(name, None)

    def record_and_forget(
        namespace: str, name: str, value: float, unit: str = "None", dimensions: dict[str, str] | None = None
    ) -> None:
        record(namespace, name, value, unit, dimensions)
        del cloudwatch._metric_bucket((namespace, name, cloudwatch._dims_key(dimensions or {})))[:-_KEPT]

    # The one is the last that is done with every batch of events, the other with every point.
    cloudwatch_logs._fanout_to_subscription_filters = deliver_and_forget
    cloudwatch.record_metric = record_and_forget
