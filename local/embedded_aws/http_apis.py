"""The CORS settings of an HTTP API, spelt as the API spells them."""

from typing import Any

from ministack.services.cloudformation import provisioners


def teach() -> None:
    # A template's `AllowOrigins` is the API's `allowOrigins`; passed on unchanged, GetApi answers no CORS at all.
    handlers = provisioners._RESOURCE_HANDLERS["AWS::ApiGatewayV2::Api"]
    create, update = handlers["create"], handlers["update"]

    def respelt(props: dict[str, Any]) -> dict[str, Any]:
        cors = props.get("CorsConfiguration") or {}
        return {**props, "CorsConfiguration": {name[0].lower() + name[1:]: value for name, value in cors.items()}}

    def create_respelt(logical_id: str, props: dict[str, Any], stack: str) -> Any:
        return create(logical_id, respelt(props), stack)

    def update_respelt(physical_id: str, old: dict[str, Any], new: dict[str, Any], stack: str, name: str) -> Any:
        return update(physical_id, respelt(old), respelt(new), stack, name)

    handlers.update(create=create_respelt, update=update_respelt)
