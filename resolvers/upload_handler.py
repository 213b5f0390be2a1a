"""The function behind the mutations: it grants uploads and deletes files, and can neither read nor list them."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from resolvers import file_names, upload_plan
from resolvers.access import Action, Caller
from resolvers.appsync import Fields, Request, resolve
from resolvers.error_metrics import count_error, count_failed, count_refused
from resolvers.errors import RequestRefused, TooManyFiles
from resolvers.quoting import masked
from resolvers.s3_uploads import SECONDS_TO_SEND, Uploads, s3_client
from resolvers.settings import UploadSettings, from_environment
from resolvers.upload_plan import InvalidParts

MAX_UPLOADS, MAX_PARTS, MAX_DELETIONS = 100, 20, 1_000

logger = Logger()
metrics = Metrics()


@cache
def _settings() -> UploadSettings:
    return from_environment(UploadSettings, os.environ)


@cache
def _uploads() -> Uploads:
    settings = _settings()
    return Uploads(s3_client(), bucket=settings.bucket_name, folder=settings.files_folder)


def _check(caller: Caller, action: Action, name: str) -> None:
    """Raise InvalidFileName, or NotAllowed if the caller may not do this with the file."""
    file_names.check_name(name, _settings().files_folder)
    _settings().access.check(caller, action, name)


def start_uploads(request: Request, files: list[dict[str, Any]], overwrite: bool | None = None) -> list[dict[str, Any]]:
    if len(files) > MAX_UPLOADS:
        raise TooManyFiles(f"startUploads takes at most {MAX_UPLOADS} files, not {len(files)}; send several requests.")
    started = [_start(request.caller, file, overwrite=bool(overwrite)) for file in files]
    names = [each["file"] for each in started if "errorType" not in each]
    _report("UploadsStarted", "upload started", request.caller, names)
    count_refused(metrics, [each["errorType"] for each in started if "errorType" in each])
    return started


def _start(caller: Caller, given: dict[str, Any], *, overwrite: bool) -> dict[str, Any]:
    name = given["name"]
    try:
        _check(caller, "write", name)
        file = upload_plan.new_file(
            name, given["size"], given.get("contentType"), given.get("sha256"), _settings().upload_max_size
        )
    except RequestRefused as error:
        return {"file": name, **error.to_graphql()}
    if file.in_parts:
        return {"file": name, "uploadId": _uploads().start(file), "partSize": upload_plan.part_size(file.size)}
    url, headers = _uploads().url(file, overwrite=overwrite)
    listed = [{"name": header, "value": value} for header, value in headers.items()]
    return {"file": name, "url": url, "headers": listed, "expiresAt": _expiry()}


def sign_parts(
    request: Request,
    file: str,
    uploadId: str,  # noqa: N803 - the schema's names
    size: float,
    parts: list[int],
) -> list[dict[str, Any]]:
    if not 1 <= len(parts) <= MAX_PARTS:
        raise InvalidParts(f"signParts takes 1 to {MAX_PARTS} parts, not {len(parts)}; send several requests.")
    _check(request.caller, "write", file)
    whole = upload_plan.whole_size(size, _settings().upload_max_size)
    expires = _expiry()
    signed = [
        {"part": part, "url": _uploads().part_url(file, uploadId, whole, part), "expiresAt": expires} for part in parts
    ]
    metrics.add_metric(name="PartsSigned", unit=MetricUnit.Count, value=len(signed))
    return signed


def resume_upload(request: Request, file: str, uploadId: str) -> list[dict[str, Any]]:  # noqa: N803 - the schema's names
    _check(request.caller, "write", file)
    arrived = _uploads().arrived(file, uploadId)
    _report("UploadsResumed", "upload resumed", request.caller, [file])
    return arrived


def finish_upload(
    request: Request,
    *,
    file: str,
    uploadId: str,  # noqa: N803 - the schema's names
    size: float,
    parts: list[dict[str, Any]],
    overwrite: bool | None = None,
) -> bool:
    _check(request.caller, "write", file)
    whole = upload_plan.whole_size(size, _settings().upload_max_size)
    done = [(part["part"], part["etag"]) for part in parts]
    _uploads().finish(file, uploadId, whole, done, overwrite=bool(overwrite))
    _report("UploadsFinished", "upload finished", request.caller, [file])
    return True


def cancel_upload(request: Request, file: str, uploadId: str) -> bool:  # noqa: N803 - the schema's names
    _check(request.caller, "write", file)
    cancelled = _uploads().cancel(file, uploadId)
    _report("UploadsCancelled", "upload cancelled", request.caller, [file] if cancelled else [])
    return cancelled


def delete_files(request: Request, files: list[str]) -> list[dict[str, Any]]:
    if len(files) > MAX_DELETIONS:
        raise TooManyFiles(f"deleteFiles takes at most {MAX_DELETIONS} files, not {len(files)}; send several requests.")
    refused: dict[str, dict[str, str]] = {}
    for name in files:
        try:
            _check(request.caller, "delete", name)
        except RequestRefused as error:
            refused[name] = error.to_graphql()
    count_refused(metrics, [each["errorType"] for each in refused.values()])
    wanted = list(dict.fromkeys(name for name in files if name not in refused))
    failed = _uploads().delete(wanted)
    count_failed(metrics, ["UploadsUnavailable"] * len(failed))
    for name, code in failed.items():
        refused[name] = {"errorType": "UploadsUnavailable", "errorMessage": f"S3 returned {code}."}
    _report("FilesDeleted", "deleted", request.caller, [name for name in wanted if name not in refused])
    return [{"file": name, "deleted": name not in refused, **refused.get(name, {})} for name in files]


def _expiry() -> str:
    return datetime.fromtimestamp(int(time.time()) + SECONDS_TO_SEND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _report(metric: str, message: str, caller: Caller, names: list[str]) -> None:
    metrics.add_metric(name=metric, unit=MetricUnit.Count, value=len(names))
    for start in range(0, len(names), 100):
        logger.info(message, caller=str(caller), files=[masked(name) for name in names[start : start + 100]])


FIELDS: Fields = {
    "Mutation.startUploads": start_uploads,
    "Mutation.signParts": sign_parts,
    "Mutation.resumeUpload": resume_upload,
    "Mutation.finishUpload": finish_upload,
    "Mutation.cancelUpload": cancel_upload,
    "Mutation.deleteFiles": delete_files,
}


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    try:
        return resolve(event, context, FIELDS)
    except Exception as error:
        count_error(metrics, error)
        raise
