"""API Gateway patch: the CORS settings of an HTTP API that CloudFormation creates.

A template writes `AllowOrigins` and the API returns `allowOrigins`. ministack stores the template's spelling, so that
GetApi returns no CORS setting that a client can read. The patch converts the names.
"""

from typing import Any

from ministack.services.cloudformation import provisioners

from local.embedded_aws import upstream


def apply() -> None:
    create = upstream.original(provisioners, "_apigw_v2_api_create", "0002e18b4198")
    update = upstream.original(provisioners, "_apigw_v2_api_update", "d12d60c12ed7")

    def converted(props: dict[str, Any]) -> dict[str, Any]:
        cors = props.get("CorsConfiguration") or {}
        return {**props, "CorsConfiguration": {name[0].lower() + name[1:]: value for name, value in cors.items()}}

    def create_converted(logical_id: str, props: dict[str, Any], stack: str) -> Any:
        return create(logical_id, converted(props), stack)

    def update_converted(physical_id: str, old: dict[str, Any], new: dict[str, Any], stack: str, name: str) -> Any:
        return update(physical_id, converted(old), converted(new), stack, name)

    handlers = provisioners._RESOURCE_HANDLERS["AWS::ApiGatewayV2::Api"]
    handlers.update(create=create_converted, update=update_converted)
