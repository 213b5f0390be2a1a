"""Names of what is unique in the whole account, not only in its Region, such as CloudFront's policies and keys."""

from aws_cdk import Names, Stack
from constructs import IConstruct

# An origin access control's, the shortest of CloudFront's limits:
# https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_OriginAccessControlConfig.html
MAX_LENGTH = 64
_LONGEST_REGION = 16


def account_wide_name(scope: IConstruct) -> str:
    """Return a name for one resource of each type in this scope; stacks of one name in two Regions have two names."""
    unique = Names.unique_resource_name(scope, max_length=MAX_LENGTH - len("-") - _LONGEST_REGION)
    return f"{unique}-{Stack.of(scope).region}"
