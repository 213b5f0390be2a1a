"""Lambda patches: exceptions, layers with programs, updates during invocations, cold starts, and memory.

ministack lacks:
- the class name of an exception that a function raises, which callers such as AppSync receive as `errorType`; and it
  ends the sandbox after an exception, where Lambda keeps it.
- programs of layers: AWS unpacks a layer at /opt, and CDK's BucketDeployment runs a program from there.
- draining: when a function is updated, ministack ends its sandboxes; on AWS, running invocations finish first.
- a cache of unpacked code: ministack unpacks the thousand files of a function again for each sandbox.
- a limit on what it remembers: each invocation leaves a log stream and four metric points, 4 KB, for ever, and each
  request to the edge a log event.
"""

import hashlib
import os
import shutil
import tempfile
import threading
import zipfile
from collections import OrderedDict
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

from ministack.core import lambda_runtime
from ministack.services import cloudwatch, cloudwatch_logs, lambda_svc

from local.embedded_aws import upstream

_RAISED = "raised by the handler"  # marks, between worker and server, a result that is an exception
_UNPACKED = 4  # archives whose unpacked files are kept
_KEPT = 5000  # log streams of each function, events of each stream, and points of each metric

# Inserted into every worker, before the function's own code is imported.
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


def apply() -> None:
    _change_the_worker()
    _let_invocations_finish()
    _unpack_each_archive_once()
    _forget_old_invocations()


def _change_the_worker() -> None:
    script = upstream.original(lambda_runtime, "_PYTHON_WORKER_SCRIPT", "200a2c7a2022")
    upstream.original(lambda_runtime.Worker, "_spawn", "c55febf95656")
    execute = upstream.original(lambda_svc, "_execute_function_warm", "62b9218bef5b")
    reported = '{"status": "error", "error": str(e), "trace": traceback.format_exc()}'
    error = (
        '{"errorMessage": str(e), "errorType": type(e).__name__, "stackTrace": traceback.format_tb(e.__traceback__)}'
    )
    start = "    os.environ.update(env)\n"
    lambda_runtime._PYTHON_WORKER_SCRIPT = script.replace(
        reported, f'{{"status": "ok", "result": {{"{_RAISED}": {error}}}}}'
    ).replace(start, start + _PROGRAMS_OF_LAYERS)
    # CDK's BucketDeployment sets it to a file that only AWS has.
    lambda_runtime._RESERVED_RUNTIME_ENV_VARS.add("AWS_CA_BUNDLE")

    def execute_as_lambda_does(*arguments: Any, **options: Any) -> dict[str, Any]:
        result: dict[str, Any] = execute(*arguments, **options)
        body = result.get("body")
        return (
            {**result, "body": body[_RAISED], "error": True} if isinstance(body, dict) and _RAISED in body else result
        )

    lambda_svc._execute_function_warm = execute_as_lambda_does


def _let_invocations_finish() -> None:
    upstream.original(lambda_runtime.Worker, "invoke", "96751a754710")
    kill = upstream.original(lambda_runtime, "kill_workers", "56a6df63f9bd")

    def kill_when_idle(workers: list[Any]) -> None:
        for worker in workers:
            with worker._lock:  # held during an invocation
                kill([worker])

    def kill_soon(workers: list[Any]) -> None:
        threading.Thread(target=kill_when_idle, args=(workers,), daemon=True).start()

    lambda_runtime.kill_workers = kill_soon


def _unpack_each_archive_once() -> None:
    # Only `_spawn` uses it, whose source `_change_the_worker` checks.
    used = upstream.original(lambda_runtime, "zipfile", "9ce6261db495")
    lambda_runtime.zipfile = SimpleNamespace(**vars(used) | {"ZipFile": UnpackedOnce})


class UnpackedOnce(zipfile.ZipFile):
    """An archive whose files are unpacked once and linked into each folder. As on Lambda, nothing may write to them."""

    _folders: ClassVar[OrderedDict[str, Path]] = OrderedDict()  # by the hash of the archive; the last one used is last
    _lock = threading.Lock()

    def extractall(self, path: Any = None, members: Any = None, pwd: bytes | None = None) -> None:
        """Put the files of the archive into a folder."""
        assert members is pwd is None  # noqa: S101 - ministack unpacks all of it
        with self._lock:
            content = hashlib.sha256(Path(str(self.filename)).read_bytes()).hexdigest()
            if content not in self._folders:
                self._folders[content] = self._unpack()
                while len(self._folders) > _UNPACKED:
                    shutil.rmtree(self._folders.popitem(last=False)[1])  # the links to its files stay
            self._folders.move_to_end(content)
            shutil.copytree(self._folders[content], path, copy_function=os.link, dirs_exist_ok=True)

    def _unpack(self) -> Path:
        folder = Path(tempfile.mkdtemp(prefix="ministack-unpacked-"))
        try:
            super().extractall(folder)
        except BaseException:
            shutil.rmtree(folder)
            raise
        return folder


def _forget_old_invocations() -> None:
    # The first runs last for every batch of log events, the second for every metric point.
    deliver = upstream.original(cloudwatch_logs, "_fanout_to_subscription_filters", "cb898244bb9f")
    record = upstream.original(cloudwatch, "record_metric", "7f777bfbe523")
    points = upstream.original(cloudwatch, "_metric_bucket", "be62c5f1548d")
    dimensions_key = upstream.original(cloudwatch, "_dims_key", "a304eb3ef986")

    def deliver_and_forget(group_name: str, stream_name: str, events: list[Any]) -> None:
        deliver(group_name, stream_name, events)
        streams = cloudwatch_logs._log_groups[group_name]["streams"]
        for name in list(streams)[:-_KEPT]:  # copied in one step, because other invocations end at the same time
            streams.pop(name, None)
        # One stream has all of the edge's access log. Each of its events is also a record, for GetLogRecord.
        del streams[stream_name]["events"][:-_KEPT]
        records = cloudwatch_logs._log_records._data
        if len(records) > 2 * _KEPT:
            for key in list(records)[:-_KEPT]:
                records.pop(key, None)

    def record_and_forget(
        namespace: str, metric_name: str, value: float, unit: str = "None", dimensions: dict[str, str] | None = None
    ) -> None:
        record(namespace, metric_name, value, unit, dimensions)
        del points((namespace, metric_name, dimensions_key(dimensions or {})))[:-_KEPT]

    cloudwatch_logs._fanout_to_subscription_filters = deliver_and_forget
    cloudwatch.record_metric = record_and_forget
