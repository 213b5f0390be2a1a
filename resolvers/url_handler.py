"""The function behind `getUrl`, `getUrls`, `File.url` and `GET /url`: it signs, and cannot touch the bucket."""

import os
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any
from urllib.parse import quote

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import AppSyncResolver
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.data_classes import AppSyncResolverEvent
from aws_lambda_powertools.utilities.typing import LambdaContext

from resolvers import content_disposition, file_names, rest
from resolvers.content_disposition import InvalidDownloadName
from resolvers.file_names import InvalidFileName
from resolvers.key_store import KeyStore
from resolvers.settings import UrlSettings, from_environment
from resolvers.signed_url import UrlSigner, expires_at
from resolvers.ssm_parameter import Parameters

MAX_FILES = 1000

app = AppSyncResolver()
logger = Logger()
metrics = Metrics()


class InvalidLifetime(ValueError):
    """The lifetime asked for is outside of what this deployment allows."""


class TooManyFiles(ValueError):
    """More URLs were asked for at once than one answer holds."""


@cache
def _settings() -> UrlSettings:
    return from_environment(UrlSettings, os.environ)


@cache
def _keys() -> KeyStore:
    return KeyStore(Parameters(os.environ).read, _settings().signing_keys)


# Within a window the same question has the same answer, and this is where it is remembered.
@lru_cache(maxsize=4096)
def _signed(signer: UrlSigner, url: str, expires: int) -> str:
    return signer.sign(url, expires)


@app.resolver(type_name="Query", field_name="getUrl")
def get_url(file: str, expiresIn: int | None = None, saveAs: str | None = None) -> str:  # noqa: N803 - the schema's names
    now = time.time()
    # What is wrong with the question is said before anything is asked of SSM.
    url, expires = _url(file, saveAs), _expires(now, expiresIn)
    signed = _signed(_keys().signer(now), url, expires)
    metrics.add_metric(name="UrlsSigned", unit=MetricUnit.Count, value=1)
    logger.info("signed", file=file)  # the name, never the URL: a signed URL is a bearer token
    return signed


@app.resolver(type_name="Query", field_name="getUrls")
def get_urls(files: list[str], expiresIn: int | None = None) -> list[dict[str, str]]:  # noqa: N803 - the schema's names
    if len(files) > MAX_FILES:
        raise TooManyFiles(f"getUrls takes at most {MAX_FILES} files, not {len(files)}; ask for them in parts.")
    now = time.time()
    expires = _expires(now, expiresIn)
    signer = _keys().signer(now)
    expires_text = datetime.fromtimestamp(expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    answers = [_answer(signer, file, expires, expires_text) for file in files]
    _report(answers)
    return answers


@app.batch_resolver(type_name="File", field_name="url")
def url_of_each(event: list[AppSyncResolverEvent]) -> list[dict[str, str | None]]:
    """The URL of every file of a page, in one invocation: an answer for each event, in their order."""
    now = time.time()
    signer = _keys().signer(now)
    answers = [_answer_event(signer, now, each) for each in event]
    _report(answers)
    return answers


def _answer_event(signer: UrlSigner, now: float, event: AppSyncResolverEvent) -> dict[str, str | None]:
    arguments, source = event.arguments or {}, event.source or {}
    try:
        url = _url(source["name"], arguments.get("saveAs"))
        return {"data": signer.sign(url, _expires(now, arguments.get("expiresIn")))}
    except (InvalidFileName, InvalidDownloadName, InvalidLifetime) as error:
        return {"data": None, "errorType": type(error).__name__, "errorMessage": str(error)}


def _answer(signer: UrlSigner, file: str, expires: int, expires_text: str) -> dict[str, str]:
    try:
        return {"file": file, "url": signer.sign(_url(file), expires), "expiresAt": expires_text}
    except InvalidFileName as error:
        return {"file": file, "errorType": type(error).__name__, "errorMessage": str(error)}


def _report(answers: Sequence[Mapping[str, str | None]]) -> None:
    refused = sum("errorType" in answer for answer in answers)
    metrics.add_metric(name="UrlsSigned", unit=MetricUnit.Count, value=len(answers) - refused)
    logger.info("signed", files=len(answers), refused=refused)


def _url(file: str, save_as: str | None = None) -> str:
    settings = _settings()
    url = settings.cdn_url + file_names.to_url_path(file, settings.files_folder)
    if save_as is None:
        return url
    return f"{url}?response-content-disposition={quote(content_disposition.attachment(save_as), safe='')}"


def _expires(now: float, lifetime: int | None) -> int:
    settings = _settings()
    if lifetime is None:
        lifetime = settings.url_lifetime
    elif not settings.url_lifetime_min <= lifetime <= settings.url_lifetime_max:
        raise InvalidLifetime(
            f"expiresIn must be between {settings.url_lifetime_min} and {settings.url_lifetime_max} seconds, "
            f"not {lifetime}."
        )
    return expires_at(now, lifetime, settings.url_window)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any] | list[dict[str, Any]], context: LambdaContext) -> Any:
    try:
        return _answer_rest(event) if rest.asks(event) else app.resolve(event, context)
    except Exception as error:
        metrics.add_metric(name="Refused", unit=MetricUnit.Count, value=1)
        if rest.asks(event):
            return rest.problem(error, InvalidFileName, InvalidDownloadName, InvalidLifetime)
        raise


def _answer_rest(event: rest.Event) -> dict[str, Any]:
    parameters: dict[str, rest.Reader] = {"file": str, "expiresIn": rest.integer, "saveAs": str}
    return rest.answer({"url": get_url(**rest.arguments(event, parameters, required="file"))})
