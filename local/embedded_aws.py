"""The process that is AWS: ministack, taught what it lacks.

Three CloudFormation types; that Lambda answers an exception's class name and keeps the sandbox, lets invocations
finish when a function is updated, and runs the programs of layers; that the past of a function is bounded; how HTTP
APIs spell CORS; and what S3 does with `response-content-disposition` when CloudFront passes it on.

python -m local.embedded_aws      (its settings are ministack's environment variables; see cloud.py)
"""

import os
import sys
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs
from xml.etree.ElementTree import Element, SubElement, fromstring, tostring

import boto3
from ministack import app
from ministack.core import lambda_runtime
from ministack.services import cloudfront, cloudwatch, cloudwatch_logs, lambda_svc, s3
from ministack.services.cloudformation import provisioners

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

Answer = tuple[int, dict[str, str], bytes]


def main() -> None:
    """Serves until it is told to stop, or until the process that started it is gone."""
    provisioners._RESOURCE_HANDLERS["AWS::CloudFront::PublicKey"] = {
        "create": _create_public_key,
        "update": _refuse_public_key_update,
        "delete": _delete_public_key,
    }
    provisioners._RESOURCE_HANDLERS["AWS::CloudFront::KeyGroup"] = {
        "create": _create_key_group,
        "update": _update_key_group,
        "delete": _delete_key_group,
    }
    provisioners._RESOURCE_HANDLERS["Custom::S3AutoDeleteObjects"] = {
        "create": lambda _logical_id, props, _stack: (props["BucketName"], {}),
        "update": lambda _physical_id, _old, new, _stack: (new["BucketName"], {}),
        "delete": lambda _physical_id, props: _empty_bucket(props["BucketName"]),
    }
    _spell_cors_as_the_api_does()
    _keep_what_functions_raise()
    _run_programs_of_layers()
    _let_invocations_finish()
    _forget_old_invocations()
    _pass_the_query_to_s3()
    # It would take port 443 beside its own where it may; nobody here asks for that.
    app._port_is_bindable = lambda *_: False
    threading.Thread(target=_stop_with_parent, daemon=True).start()
    app.main()


def _stop_with_parent() -> None:
    sys.stdin.read()  # ends when the parent closes its side of the pipe, however it ends
    os._exit(0)


def _spell_cors_as_the_api_does() -> None:
    # A template's `AllowOrigins` is the API's `allowOrigins`; passed on unchanged, GetApi answers no CORS at all.
    handlers = provisioners._RESOURCE_HANDLERS["AWS::ApiGatewayV2::Api"]
    create, update = handlers["create"], handlers["update"]

    def respelt(props: dict[str, Any]) -> dict[str, Any]:
        cors = props.get("CorsConfiguration") or {}
        return {**props, "CorsConfiguration": {name[0].lower() + name[1:]: value for name, value in cors.items()}}

    def create_respelt(logical_id: str, props: dict[str, Any], stack: str) -> Any:
        return create(logical_id, respelt(props), stack)

    def update_respelt(physical_id: str, old: dict[str, Any], new: dict[str, Any], stack: str, name: str) -> Any:
        return update(physical_id, respelt(old), respelt(new), stack, name)

    handlers.update(create=create_respelt, update=update_respelt)


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


def _pass_the_query_to_s3() -> None:
    fetch = cloudfront._fetch_from_origin

    async def fetch_with_query(
        origin: dict[str, Any], method: str, uri: str, query: str, *rest: Any
    ) -> tuple[int, str, dict[str, Any], bytes]:
        status, reason, headers, body = await fetch(origin, method, uri, query, *rest)
        # `query` is what the cache policy lets through. S3 takes these parameters of signed requests only, and origin
        # access control signs: https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
        if origin.get("s3_bucket") and origin.get("oac_id") and status in (200, 206):
            s3._apply_response_overrides(headers, parse_qs(query))
        return status, reason, headers, body

    cloudfront._fetch_from_origin = fetch_with_query


def _create_public_key(_logical_id: str, props: dict[str, Any], _stack: str) -> tuple[str, dict[str, str]]:
    return _created(cloudfront._create_public_key(_xml("PublicKeyConfig", props["PublicKeyConfig"])))


def _refuse_public_key_update(*_: object) -> None:
    # CloudFormation's own words when a template changes a key in place.
    raise ValueError("Invalid request provided: AWS::CloudFront::PublicKey")


def _delete_public_key(physical_id: str, _props: dict[str, Any]) -> None:
    _delete(cloudfront._public_keys, physical_id, cloudfront._delete_public_key)


def _create_key_group(_logical_id: str, props: dict[str, Any], _stack: str) -> tuple[str, dict[str, str]]:
    return _created(cloudfront._create_key_group(_xml("KeyGroupConfig", props["KeyGroupConfig"])))


def _update_key_group(
    physical_id: str, _old: dict[str, Any], new: dict[str, Any], _stack: str
) -> tuple[str, dict[str, str]]:
    etag = {"if-match": cloudfront._key_groups[physical_id]["ETag"]}
    body = _xml("KeyGroupConfig", new["KeyGroupConfig"])
    return _created(cloudfront._update_key_group(physical_id, etag, body))


def _delete_key_group(physical_id: str, _props: dict[str, Any]) -> None:
    _delete(cloudfront._key_groups, physical_id, cloudfront._delete_key_group)


def _empty_bucket(name: str) -> None:
    # As CDK's own function does, which needs an SDK for Node that is not here.
    boto3.resource("s3").Bucket(name).object_versions.delete()


def _created(answer: Answer) -> tuple[str, dict[str, str]]:
    identifier = fromstring(_checked(answer)).findtext("{*}Id") or ""  # noqa: S314 - the emulator's own answer
    return identifier, {"Id": identifier}


def _delete(store: Any, physical_id: str, delete: Callable[[str, dict[str, str]], Answer]) -> None:
    if physical_id in store:  # gone already is what was asked for
        _checked(delete(physical_id, {"if-match": store[physical_id]["ETag"]}))


def _checked(answer: Answer) -> bytes:
    status, _headers, body = answer
    if status >= 400:
        raise ValueError(body.decode() if isinstance(body, bytes) else str(body))
    return body


def _xml(tag: str, config: dict[str, Any]) -> bytes:
    root = Element(tag)
    for name, value in config.items():
        if isinstance(value, list):
            items = SubElement(root, name)
            for item in value:
                SubElement(items, "PublicKey").text = item
        else:
            SubElement(root, name).text = value
    return tostring(root)


if __name__ == "__main__":
    main()
