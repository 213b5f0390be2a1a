"""The function behind `getUrl`, `getUrls`, `File.url` and `GET /url`: it signs, and cannot access the bucket."""

import os
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache, lru_cache
from itertools import groupby
from typing import Any
from urllib.parse import quote

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from resolvers import content_disposition, file_names, http_api
from resolvers.access import Caller
from resolvers.appsync import Fields, Request, resolve
from resolvers.error_metrics import count_error, count_refused
from resolvers.errors import RequestRefused, TooManyFiles
from resolvers.key_store import KeyStore
from resolvers.quoting import masked
from resolvers.settings import UrlSettings, from_environment
from resolvers.signed_url import UrlSigner, expires_at
from resolvers.ssm_parameter import Parameters

MAX_FILES = 1000
SECONDS_TO_READ_KEYS = 20  # of the function's 29, at the first request; later requests have the keys in memory
MILLISECONDS_TO_RESPOND = 4_000
NAMES_IN_A_RECORD = 100  # of 1,024 bytes at most; CloudWatch cuts a record at 256 KB

Signed = tuple[Caller, str, int]  # who got a URL, to which file, and until when in epoch seconds

logger = Logger()
metrics = Metrics()


class InvalidLifetime(RequestRefused):
    """The requested lifetime is outside the bounds of this deployment."""


@cache
def _settings() -> UrlSettings:
    return from_environment(UrlSettings, os.environ)


@cache
def _keys() -> KeyStore:
    return KeyStore(Parameters(os.environ).read, _settings().signing_keys, _count_unavailable_key)


def _count_unavailable_key() -> None:
    metrics.add_metric(name="SigningKeyUnavailable", unit=MetricUnit.Count, value=1)


def _signer(now: float, request: Request) -> UrlSigner:
    milliseconds = request.milliseconds_left() - MILLISECONDS_TO_RESPOND
    signer = _keys().signer(now, min(SECONDS_TO_READ_KEYS, milliseconds / 1000))
    metrics.add_metric(name="SigningKeyAgeDays", unit=MetricUnit.Count, value=_keys().days_signing(signer, now))
    return signer


# Within a window, equal requests get the same URL, so it is signed once.
@lru_cache(maxsize=4096)
def _signed(signer: UrlSigner, url: str, expires: int) -> str:
    return signer.sign(url, expires)


def get_url(request: Request, file: str, expiresIn: int | None = None, saveAs: str | None = None) -> str:  # noqa: N803 - the schema's names
    now = time.time()
    # Check the request before the call to SSM.
    url, expires = _url(request.caller, file, saveAs), _expires(now, expiresIn)
    signed = _signed(_signer(now, request), url, expires)
    _report([(request.caller, file, expires)], [])
    return signed


def get_urls(request: Request, files: list[str], expiresIn: int | None = None) -> list[dict[str, str]]:  # noqa: N803 - the schema's names
    if len(files) > MAX_FILES:
        raise TooManyFiles(f"getUrls takes at most {MAX_FILES} files, not {len(files)}; send several requests.")
    now = time.time()
    caller, expires = request.caller, _expires(now, expiresIn)
    signer = _signer(now, request)
    expires_at_text = _as_text(expires)
    results: list[dict[str, str]] = []
    signed: list[Signed] = []
    refused: list[RequestRefused] = []
    for file in files:
        try:
            url = signer.sign(_url(caller, file), expires)
            results.append({"file": file, "url": url, "expiresAt": expires_at_text})
            signed.append((caller, file, expires))
        except RequestRefused as error:
            results.append({"file": file, **error.to_graphql()})
            refused.append(error)
    _report(signed, refused)
    return results


def url_of_each(requests: list[Request]) -> list[dict[str, str | None]]:
    """Return the URL of every file of a page, in one invocation: a result for each request, in the same order."""
    now = time.time()
    signer = _signer(now, requests[0])
    results: list[dict[str, str | None]] = []
    signed: list[Signed] = []
    refused: list[RequestRefused] = []
    for request in requests:
        caller, arguments, file = request.caller, request.arguments, request.source["name"]
        try:
            url, expires = _url(caller, file, arguments.get("saveAs")), _expires(now, arguments.get("expiresIn"))
            results.append({"data": signer.sign(url, expires)})
            signed.append((caller, file, expires))
        except RequestRefused as error:
            results.append({"data": None, **error.to_graphql()})
            refused.append(error)
    _report(signed, refused)
    return results


def _report(signed: list[Signed], refused: list[RequestRefused]) -> None:
    metrics.add_metric(name="UrlsSigned", unit=MetricUnit.Count, value=len(signed))
    count_refused(metrics, [type(error).__name__ for error in refused])
    if refused:
        logger.info("refused", count=len(refused))
    _log(signed)


def _log(signed: Iterable[Signed]) -> None:
    """Log who got a URL to which files until when; never the URL, which is a bearer token, also if it was the name."""
    ordered = sorted(signed, key=lambda each: (str(each[0]), each[2]))
    for (caller, expires), group in groupby(ordered, key=lambda each: (str(each[0]), each[2])):
        names = [masked(file) for _, file, _ in group]
        for start in range(0, len(names), NAMES_IN_A_RECORD):
            record = names[start : start + NAMES_IN_A_RECORD]
            logger.info("signed", caller=caller, files=record, expires=_as_text(expires))


def _as_text(epoch_seconds: int) -> str:
    return datetime.fromtimestamp(epoch_seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _url(caller: Caller, file: str, save_as: str | None = None) -> str:
    settings = _settings()
    url = settings.cdn_url + file_names.to_url_path(file, settings.files_folder)
    settings.access.check(caller, "read", file)
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


FIELDS: Fields = {"Query.getUrl": get_url, "Query.getUrls": get_urls, "File.url": url_of_each}


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any] | list[dict[str, Any]], context: LambdaContext) -> Any:
    try:
        return _get_over_http(event, context) if http_api.is_http(event) else resolve(event, context, FIELDS)
    except Exception as error:
        count_error(metrics, error)
        if http_api.is_http(event):
            return http_api.problem(error)
        raise


def _get_over_http(event: http_api.Event, context: LambdaContext) -> dict[str, Any]:
    assert isinstance(event, dict)  # noqa: S101 - only AppSync sends lists
    parameters: dict[str, http_api.Parser] = {"file": str, "expiresIn": http_api.integer, "saveAs": str}
    given = http_api.arguments(event, parameters, required="file")
    request = Request(Caller.of_http_api(event), context.get_remaining_time_in_millis)
    return http_api.success({"url": get_url(request, **given)})
