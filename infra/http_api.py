"""The HTTP API (API Gateway v2), with the setting `rest`: `GET /files` and `GET /url`, described in `openapi.yaml`."""

from aws_cdk import Acknowledgment, Duration, Validations
from aws_cdk import aws_apigatewayv2 as apigatewayv2
from aws_cdk import aws_lambda as lambda_
from aws_cdk.aws_apigatewayv2_authorizers import HttpUserPoolAuthorizer
from aws_cdk.aws_apigatewayv2_integrations import HttpLambdaIntegration
from constructs import Construct

from infra.config import Config
from infra.log_groups import LogGroups
from infra.users import Users

# Far more than users need, and far less than the 10,000 a second that all APIs of an account share by default:
# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-throttling.html
REQUESTS_PER_SECOND = 500
PUBLIC_REQUESTS_PER_SECOND = 50  # with auth=off, when nobody knows who sends them
# Neither the query, which contains file names, nor the response, which may contain a signed URL.
LOGGED = ("requestId", "requestTime", "routeKey", "status", "responseLength", "responseLatency")


class HttpApi(Construct):
    """The HTTP API at `url`. With users, it requires a token of the pool's client; without, it is public."""

    def __init__(
        self, scope: Construct, construct_id: str, *, config: Config, log_groups: LogGroups, users: Users | None
    ) -> None:
        super().__init__(scope, construct_id)
        self._authorizer = (
            HttpUserPoolAuthorizer("Users", users.pool, user_pool_clients=[users.client]) if users else None
        )
        self._api = apigatewayv2.HttpApi(
            self,
            "Api",
            api_name=config.stack_name,
            create_default_stage=False,
            cors_preflight=apigatewayv2.CorsPreflightOptions(
                # The token grants access and cookies do not, so any page that has a token may send requests.
                allow_origins=["*"],
                allow_methods=[apigatewayv2.CorsHttpMethod.GET],
                allow_headers=["authorization"],
                max_age=Duration.hours(1),
            ),
        )
        self._add_stage(config, log_groups)
        self.url = self._api.api_endpoint
        self.api_id = self._api.api_id

    def route(self, path: str, function: lambda_.IFunction) -> None:
        """Route `GET` requests for this path to this function."""
        routes = self._api.add_routes(
            path=path,
            methods=[apigatewayv2.HttpMethod.GET],
            integration=HttpLambdaIntegration(path.strip("/"), function),
            authorizer=self._authorizer,
        )
        if not self._authorizer:
            for route in routes:
                Validations.of(route).acknowledge(
                    Acknowledgment(
                        id="AwsSolutions-APIG4", reason="HTTP APIs have no API keys, and auth is off by choice."
                    )
                )

    def _add_stage(self, config: Config, log_groups: LogGroups) -> None:
        log_group = log_groups.add(self, "Logs")
        rate = REQUESTS_PER_SECOND if config.auth else PUBLIC_REQUESTS_PER_SECOND
        apigatewayv2.CfnStage(
            self,
            "Stage",
            api_id=self._api.api_id,
            stage_name="$default",
            auto_deploy=True,
            default_route_settings=apigatewayv2.CfnStage.RouteSettingsProperty(
                throttling_rate_limit=rate, throttling_burst_limit=rate
            ),
            access_log_settings=apigatewayv2.CfnStage.AccessLogSettingsProperty(
                destination_arn=log_group.log_group_arn,
                format="{" + ", ".join(f'"{name}": "$context.{name}"' for name in LOGGED) + "}",
            ),
        )
