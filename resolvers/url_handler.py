"""The function behind `getUrl`: it can read the signing key, and cannot touch the bucket."""

import os
import time
from functools import cache
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import AppSyncResolver
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from resolvers import file_names
from resolvers.key_store import read_private_key
from resolvers.settings import UrlSettings, from_environment
from resolvers.signed_url import UrlSigner

app = AppSyncResolver()
logger = Logger()
metrics = Metrics()


@cache
def _settings() -> UrlSettings:
    return from_environment(UrlSettings, os.environ)


# A failure is not cached: the next question tries again.
@cache
def _signer() -> UrlSigner:
    settings = _settings()
    return UrlSigner(settings.signing_key_id, read_private_key(boto3.client("ssm"), settings.signing_key_parameter))


@app.resolver(type_name="Query", field_name="getUrl")
def get_url(file: str) -> str:
    settings = _settings()
    url = settings.edge_origin + file_names.to_url_path(file, settings.files_folder)
    signed = _signer().sign(url, int(time.time()) + settings.url_lifetime_seconds)
    metrics.add_metric(name="UrlsSigned", unit=MetricUnit.Count, value=1)
    logger.info("signed", file=file)  # the name, never the URL: a signed URL is a bearer token
    return signed


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    try:
        return app.resolve(event, context)
    except Exception:
        metrics.add_metric(name="Refused", unit=MetricUnit.Count, value=1)
        raise
