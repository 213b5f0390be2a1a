"""A signer as it is usually written, to compare start-up times: boto3, all Powertools, the key parsed once."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.event_handler import AppSyncResolver
from aws_lambda_powertools.metrics import MetricUnit
from botocore.signers import CloudFrontSigner
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

app = AppSyncResolver()
logger = Logger()
metrics = Metrics()
tracer = Tracer()
ssm = boto3.client("ssm")


@cache
def _signer() -> CloudFrontSigner:
    key_id, _, _, parameter, _ = os.environ["SIGNING_KEYS"].split(" ")
    response = ssm.get_parameter(Name=parameter, WithDecryption=True)
    private_key = load_pem_private_key(response["Parameter"]["Value"].encode(), password=None)
    assert isinstance(private_key, ec.EllipticCurvePrivateKey)  # noqa: S101 - the key of this benchmark
    return CloudFrontSigner(key_id, lambda message: private_key.sign(message, ec.ECDSA(SHA256())))


@app.resolver(type_name="Query", field_name="getUrl")
def get_url(file: str) -> str:
    expires = datetime.fromtimestamp(time.time() + 900, UTC)
    url = f"{os.environ['CDN_URL']}/{file}"
    signed: str = _signer().generate_presigned_url(url, date_less_than=expires)
    metrics.add_metric(name="UrlsSigned", unit=MetricUnit.Count, value=1)
    logger.info("signed", file=file)
    return signed


@logger.inject_lambda_context
@tracer.capture_lambda_handler
@metrics.log_metrics
def handler(event: dict[str, Any], context: Any) -> Any:
    return app.resolve(event, context)
