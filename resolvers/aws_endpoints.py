"""Where the AWS APIs are that the functions call without botocore. Pure.

Rules: https://docs.aws.amazon.com/general/latest/gr/rande.html, and boto3's for the environment variables. The tests
compare them with botocore's in every Region.
"""

from __future__ import annotations

from collections.abc import Mapping

# The domains of the partitions, without and with IPv6, by how the names of their Regions start. From botocore's
# partitions.json, which would have to be read and searched at every cold start.
_DOMAINS = {
    "cn-": ("amazonaws.com.cn", "api.amazonwebservices.com.cn"),
    "eusc-": ("amazonaws.eu", "api.amazonwebservices.eu"),
    "us-iso-": ("c2s.ic.gov", "api.aws.ic.gov"),
    "us-isob-": ("sc2s.sgov.gov", "api.aws.scloud"),
    "us-isof-": ("csp.hci.ic.gov", "api.aws.hci.ic.gov"),
    "eu-isoe-": ("cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
    "": ("amazonaws.com", "api.aws"),
}


def ssm(environment: Mapping[str, str]) -> str:
    """Return the URL of Systems Manager in the function's Region."""
    if url := _configured(environment, "SSM"):
        return url
    region, fips, dual_stack = _variant(environment)
    # GovCloud's ordinary endpoints are FIPS endpoints.
    service = "ssm-fips" if fips and (dual_stack or not region.startswith("us-gov-")) else "ssm"
    return f"https://{service}.{region}.{_domains(region)[dual_stack]}/"


def s3(environment: Mapping[str, str], bucket: str) -> str:
    """Return the URL of this bucket in the function's Region.

    A name with a dot is in the path, because the certificate of S3 has a wildcard for one label:
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
    """
    if url := _configured(environment, "S3"):
        return url + bucket
    region, fips, dual_stack = _variant(environment)
    host = f"{'s3-fips' if fips else 's3'}{'.dualstack' if dual_stack else ''}.{region}.{_domains(region)[0]}"
    return f"https://{host}/{bucket}" if "." in bucket else f"https://{bucket}.{host}/"


def _configured(environment: Mapping[str, str], service: str) -> str | None:
    url = environment.get(f"AWS_ENDPOINT_URL_{service}") or environment.get("AWS_ENDPOINT_URL")
    return url.rstrip("/") + "/" if url and not _on(environment, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") else None


def _variant(environment: Mapping[str, str]) -> tuple[str, bool, bool]:
    fips, dual_stack = _on(environment, "AWS_USE_FIPS_ENDPOINT"), _on(environment, "AWS_USE_DUALSTACK_ENDPOINT")
    return environment["AWS_DEFAULT_REGION"], fips, dual_stack


def _on(environment: Mapping[str, str], variable: str) -> bool:
    return environment.get(variable, "").lower() == "true"


def _domains(region: str) -> tuple[str, str]:
    return next(domains for start, domains in _DOMAINS.items() if region.startswith(start))
