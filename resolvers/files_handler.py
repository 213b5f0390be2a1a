"""The function behind `getFiles`, `listFiles`, `getFile`, `getAccess` and `GET /files`.

It lists, and cannot read signing keys.
"""

from __future__ import annotations

import json
import os
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from resolvers import http_api
from resolvers.access import Caller
from resolvers.allowed_files import AllowedFiles
from resolvers.appsync import Fields, Request, resolve
from resolvers.error_metrics import count_error
from resolvers.errors import RequestRefused, TooManyFiles
from resolvers.quoting import quoted
from resolvers.s3_files import FileListing
from resolvers.s3_list_objects import S3Bucket
from resolvers.settings import FilesSettings, from_environment

MAX_LIMIT = 1000  # the most that S3 lists in one response
DEFAULT_LIMIT = 100
# AppSync allows an evaluated response of 5 MB; the rest is for its envelope:
# https://docs.aws.amazon.com/general/latest/gr/appsync.html
MAX_NAMES_BYTES = 4_900_000
# The time to write the response in; AppSync waits 30 s, and the function may run for 29 s.
MILLISECONDS_TO_RESPOND = 4_000
MILLISECONDS_TO_FAIL = 500  # the time to respond that S3 is slow

_as_json = json.JSONEncoder(ensure_ascii=False).encode

logger = Logger()
metrics = Metrics()


class InvalidLimit(RequestRefused):
    """A page cannot have this many files."""


class InvalidDelimiter(RequestRefused):
    """The only delimiter of folders is the slash."""


@cache
def _settings() -> FilesSettings:
    return from_environment(FilesSettings, os.environ)


@cache
def _bucket() -> S3Bucket:
    return S3Bucket(os.environ, _settings().bucket_name)


def _listing(request: Request) -> FileListing:
    def seconds_left() -> float:
        return (request.milliseconds_left() - MILLISECONDS_TO_FAIL) / 1000

    settings = _settings()
    return FileListing(_bucket(), bucket=settings.bucket_name, folder=settings.files_folder, seconds_left=seconds_left)


def _files_of(request: Request) -> AllowedFiles:
    return AllowedFiles(_listing(request), _settings().access.folders(request.caller, "read"))


def get_files(request: Request, prefix: str | None = None) -> list[str]:
    names: list[str] = []
    room = MAX_NAMES_BYTES
    for name in _files_of(request).names(prefix or ""):
        room -= len(_as_json(name).encode()) + 1  # and a comma
        if room < 0 or (names and len(names) % 1000 == 0 and request.milliseconds_left() < MILLISECONDS_TO_RESPOND):
            raise TooManyFiles(
                f"There are more than {len(names)} files, too many for one response; "
                "use listFiles to get them in pages, or prefix to get fewer."
            )
        names.append(name)
    _report(len(names))
    return names


def list_files(
    request: Request,
    prefix: str | None = None,
    delimiter: str | None = None,
    limit: int | None = None,
    nextToken: str | None = None,  # noqa: N803 - the schema's name
) -> dict[str, Any]:
    limit = DEFAULT_LIMIT if limit is None else limit
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidLimit(f"limit must be between 1 and {MAX_LIMIT}, not {limit}.")
    if delimiter not in (None, "", "/"):
        raise InvalidDelimiter(f"delimiter must be / or omitted, not {quoted(delimiter)}.")
    page = _files_of(request).page(prefix=prefix or "", delimiter=delimiter or "", limit=limit, token=nextToken)
    _report(len(page.files))
    return {
        "items": [file.to_graphql() for file in page.files],
        "folders": page.folders,
        "nextToken": page.next_token,
    }


def get_file(request: Request, file: str) -> dict[str, Any] | None:
    found = _files_of(request).find(file)
    _report(1 if found else 0)
    return found.to_graphql() if found else None


def get_access(request: Request) -> list[dict[str, str | bool]]:
    metrics.add_metric(name="FilesListed", unit=MetricUnit.Count, value=0)  # Powertools warns if there is no metric
    return _settings().access.allowed_prefixes(request.caller)


def _report(files: int) -> None:
    metrics.add_metric(name="FilesListed", unit=MetricUnit.Count, value=files)
    logger.info("listed", files=files)


FIELDS: Fields = {
    "Query.getFiles": get_files,
    "Query.listFiles": list_files,
    "Query.getFile": get_file,
    "Query.getAccess": get_access,
}


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    try:
        return _get_over_http(event, context) if http_api.is_http(event) else resolve(event, context, FIELDS)
    except Exception as error:
        count_error(metrics, error)
        if http_api.is_http(event):
            return http_api.problem(error)
        raise


def _get_over_http(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    request = Request(Caller.of_http_api(event), context.get_remaining_time_in_millis)
    # Without a status code, API Gateway sends this as the body. `http_api.success` would put JSON in a JSON string, and
    # the largest list would exceed Lambda's 6 MB.
    return {"files": get_files(request, **http_api.arguments(event, {"prefix": str}))}
