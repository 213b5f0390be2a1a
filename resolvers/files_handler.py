"""The function behind `getFiles`, `listFiles`, `getFile` and `GET /files`: it can list, and cannot read the key."""

from __future__ import annotations

import json
import os
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import AppSyncResolver
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from resolvers import rest
from resolvers.file_names import InvalidPrefix
from resolvers.s3_files import FileListing, s3_client
from resolvers.settings import FilesSettings, from_environment

MAX_LIMIT = 1000  # what S3 lists at once
DEFAULT_LIMIT = 100
# AppSync's evaluated answer may have 5 MB, of which this leaves a little for the envelope:
# https://docs.aws.amazon.com/general/latest/gr/appsync.html
MAX_NAMES_BYTES = 4_900_000
# Left to write the answer in; AppSync waits 30 s and the function has 29.
MILLISECONDS_TO_ANSWER = 4_000

_as_json = json.JSONEncoder(ensure_ascii=False).encode

app = AppSyncResolver()
logger = Logger()
metrics = Metrics()


class TooManyFiles(ValueError):
    """The names of all files are more than one answer can hold."""


class InvalidLimit(ValueError):
    """A page cannot have this many files."""


class InvalidDelimiter(ValueError):
    """Folders are parted by slashes, and by nothing else."""


@cache
def _listing() -> FileListing:
    settings = from_environment(FilesSettings, os.environ)
    return FileListing(s3_client(), bucket=settings.bucket_name, folder=settings.files_folder)


@app.resolver(type_name="Query", field_name="getFiles")
def get_files(prefix: str | None = None) -> list[str]:
    names: list[str] = []
    room = MAX_NAMES_BYTES
    for name in _listing().names(prefix or ""):
        room -= len(_as_json(name).encode()) + 1  # and a comma
        if room < 0 or (names and len(names) % 1000 == 0 and _out_of_time()):
            raise TooManyFiles(
                f"There are more than {len(names)} files, too many for one answer; "
                "ask for them in pages with listFiles, or for fewer with prefix."
            )
        names.append(name)
    _listed(len(names))
    return names


@app.resolver(type_name="Query", field_name="listFiles")
def list_files(
    prefix: str | None = None,
    delimiter: str | None = None,
    limit: int | None = None,
    nextToken: str | None = None,  # noqa: N803 - the schema's name
) -> dict[str, Any]:
    limit = DEFAULT_LIMIT if limit is None else limit
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidLimit(f"limit must be between 1 and {MAX_LIMIT}, not {limit}.")
    if delimiter not in (None, "", "/"):
        raise InvalidDelimiter(f"delimiter is / or left out, not {delimiter!r}.")
    page = _listing().page(prefix=prefix or "", delimiter=delimiter or "", limit=limit, token=nextToken)
    _listed(len(page.files))
    return {
        "items": [file.to_graphql() for file in page.files],
        "folders": page.folders,
        "nextToken": page.next_token,
    }


@app.resolver(type_name="Query", field_name="getFile")
def get_file(file: str) -> dict[str, Any] | None:
    found = _listing().find(file)
    _listed(1 if found else 0)
    return found.to_graphql() if found else None


def _out_of_time() -> bool:
    context = app.lambda_context
    return context is not None and context.get_remaining_time_in_millis() < MILLISECONDS_TO_ANSWER


def _listed(files: int) -> None:
    metrics.add_metric(name="FilesListed", unit=MetricUnit.Count, value=files)
    logger.info("listed", files=files)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    try:
        return _answer_rest(event, context) if rest.asks(event) else app.resolve(event, context)
    except Exception as error:
        metrics.add_metric(name="Refused", unit=MetricUnit.Count, value=1)
        if rest.asks(event):
            return rest.problem(error, InvalidPrefix, TooManyFiles)
        raise


def _answer_rest(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    app.lambda_context = context
    # Not `rest.answer`: a body is a string of JSON within JSON, in which the names that fit would grow past Lambda's
    # 6 MB. What has no status code is passed on as it is.
    return {"files": get_files(**rest.arguments(event, {"prefix": str}))}
