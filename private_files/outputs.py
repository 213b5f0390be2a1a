"""The outputs of a deployed stack: what a client must know to use it. Pure; written once, read everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """The outputs by their Python names; in CloudFormation and in outputs.json, `graphql_url` is `GraphqlUrl`.

    An output that the stack does not have is the empty string: there is no user pool with `auth=off`, and no API key
    without it. The last six exist only on one machine, where `make up` adds them.
    """

    graphql_url: str = ""
    cdn_url: str = ""  # the base URL of signed URLs
    region: str = ""
    bucket_name: str = ""
    files_folder: str = ""
    distribution_id: str = ""
    key_group_id: str = ""
    user_pool_id: str = ""
    user_pool_client_id: str = ""
    api_key: str = ""
    api_key_expires: str = ""  # a date, such as 2027-10-01
    rest_url: str = ""
    frontend_url: str = ""
    uploads_url: str = ""  # the origin to which pages send files; only with uploads
    aws_endpoint_url: str = ""
    aws_ca_bundle: str = ""
    demo_user: str = ""
    demo_password: str = ""
    second_user: str = ""  # with access rules only
    second_password: str = ""

    @classmethod
    def from_json(cls, outputs: Mapping[str, object]) -> Outputs:
        """Return the outputs with these CloudFormation names; names that are not ours are ignored."""
        return cls(
            **{field.name: str(outputs[name]) for field in fields(cls) if (name := output_name(field.name)) in outputs}
        )

    def to_json(self) -> dict[str, str]:
        """Return the outputs that are set, by their CloudFormation names."""
        return {
            output_name(field.name): value for field in fields(self) if (value := str(getattr(self, field.name))) != ""
        }


def output_name(field_name: str) -> str:
    """Return the CloudFormation name of a field: `graphql_url` is `GraphqlUrl`."""
    return "".join(word.capitalize() for word in field_name.split("_"))
