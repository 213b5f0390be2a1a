"""The function behind `getUrl`, `getUrls`, `File.url` and `GET /url`: it signs, and cannot access the bucket."""

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

from resolvers import content_disposition, file_names, http_api
from resolvers.errors import RequestRefused, TooManyFiles
from resolvers.key_store import KeyStore
from resolvers.quoting import masked
from resolvers.settings import UrlSettings, from_environment
from resolvers.signed_url import UrlSigner, expires_at
from resolvers.ssm_parameter import Parameters

MAX_FILES = 1000
SECONDS_TO_READ_KEYS = 20  # of the function's 29, at the first request; later requests have the keys in memory
MILLISECONDS_TO_RESPOND = 4_000

app = AppSyncResolver()
logger = Logger()
metrics = Metrics()


class InvalidLifetime(RequestRefused):
    """The requested lifetime is outside the bounds of this deployment."""


@cache
def _settings() -> UrlSettings:
    return from_environment(UrlSettings, os.environ)


@cache
def _keys() -> KeyStore:
    return KeyStore(Parameters(os.environ).read, _settings().signing_keys)


def _signer(now: float) -> UrlSigner:
    context = app.lambda_context
    assert context is not None  # noqa: S101 - the handler has set it
    milliseconds = context.get_remaining_time_in_millis() - MILLISECONDS_TO_RESPOND
    return _keys().signer(now, min(SECONDS_TO_READ_KEYS, milliseconds / 1000))


# Within a window, equal requests get the same URL, so it is signed once.
@lru_cache(maxsize=4096)
def _signed(signer: UrlSigner, url: str, expires: int) -> str:
    return signer.sign(url, expires)


@app.resolver(type_name="Query", field_name="getUrl")
def get_url(file: str, expiresIn: int | None = None, saveAs: str | None = None) -> str:  # noqa: N803 - the schema's names
    now = time.time()
    # Check the request before the call to SSM.
    url, expires = _url(file, saveAs), _expires(now, expiresIn)
    signed = _signed(_signer(now), url, expires)
    metrics.add_metric(name="UrlsSigned", unit=MetricUnit.Count, value=1)
    # The name, never the URL: a signed URL is a bearer token, also if it was passed as the name.
    logger.info("signed", file=masked(file))
    return signed


@app.resolver(type_name="Query", field_name="getUrls")
def get_urls(files: list[str], expiresIn: int | None = None) -> list[dict[str, str]]:  # noqa: N803 - the schema's names
    if len(files) > MAX_FILES:
        raise TooManyFiles(f"getUrls takes at most {MAX_FILES} files, not {len(files)}; send several requests.")
    now = time.time()
    expires = _expires(now, expiresIn)
    signer = _signer(now)
    expires_text = datetime.fromtimestamp(expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    results = [_signed_url(signer, file, expires, expires_text) for file in files]
    _report(results)
    return results


@app.batch_resolver(type_name="File", field_name="url")
def url_of_each(event: list[AppSyncResolverEvent]) -> list[dict[str, str | None]]:
    """Return the URL of every file of a page, in one invocation: a result for each event, in the same order."""
    now = time.time()
    signer = _signer(now)
    results = [_url_of_file(signer, now, each) for each in event]
    _report(results)
    return results


def _url_of_file(signer: UrlSigner, now: float, event: AppSyncResolverEvent) -> dict[str, str | None]:
    arguments, source = event.arguments or {}, event.source or {}
    try:
        url = _url(source["name"], arguments.get("saveAs"))
        return {"data": signer.sign(url, _expires(now, arguments.get("expiresIn")))}
    except RequestRefused as error:
        return {"data": None, **error.to_graphql()}


def _signed_url(signer: UrlSigner, file: str, expires: int, expires_text: str) -> dict[str, str]:
    try:
        return {"file": file, "url": signer.sign(_url(file), expires), "expiresAt": expires_text}
    except RequestRefused as error:
        return {"file": file, **error.to_graphql()}


def _report(results: Sequence[Mapping[str, str | None]]) -> None:
    refused = sum("errorType" in result for result in results)
    metrics.add_metric(name="UrlsSigned", unit=MetricUnit.Count, value=len(results) - refused)
    logger.info("signed", files=len(results), refused=refused)


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
        return _get_over_http(event, context) if http_api.is_http(event) else app.resolve(event, context)
    except Exception as error:
        metrics.add_metric(name="Refused", unit=MetricUnit.Count, value=1)
        if http_api.is_http(event):
            return http_api.problem(error)
        raise


def _get_over_http(event: http_api.Event, context: LambdaContext) -> dict[str, Any]:
    app.lambda_context = context
    parameters: dict[str, http_api.Parser] = {"file": str, "expiresIn": http_api.integer, "saveAs": str}
    return http_api.success({"url": get_url(**http_api.arguments(event, parameters, required="file"))})
