"""The function behind `getFiles`: it can list the bucket, and cannot read the signing key."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import AppSyncResolver
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from resolvers import s3_files
from resolvers.settings import FilesSettings, from_environment

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

app = AppSyncResolver()
logger = Logger()
metrics = Metrics()


@cache
def _settings() -> FilesSettings:
    return from_environment(FilesSettings, os.environ)


@cache
def _s3() -> S3Client:
    return boto3.client("s3")


@app.resolver(type_name="Query", field_name="getFiles")
def get_files() -> list[str]:
    settings = _settings()
    names = list(s3_files.list_names(_s3(), bucket=settings.bucket_name, folder=settings.files_folder))
    metrics.add_metric(name="FilesListed", unit=MetricUnit.Count, value=len(names))
    logger.info("listed", files=len(names))
    return names


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    try:
        return app.resolve(event, context)
    except Exception:
        metrics.add_metric(name="Refused", unit=MetricUnit.Count, value=1)
        raise
