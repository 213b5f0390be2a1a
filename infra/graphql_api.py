"""AppSync: the API of `schema.graphql`, its callers, and the function behind each field."""

import datetime
from collections.abc import Sequence

from aws_cdk import Acknowledgment, Annotations, CfnResource, Expiration, Stack, Validations
from aws_cdk import aws_appsync as appsync
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct, IConstruct

from infra import api_key
from infra.config import Config
from infra.log_groups import LogGroups
from infra.schema import SCHEMA, deployable, merged_schema
from infra.users import Users

# Each event of a batch repeats the request's headers and the caller's identity, token included: 12.6 KB for a user in
# 40 groups. Lambda takes 6 MB, so one batch for a page of 1,000 files would fail, and with it every URL of the page.
MAX_BATCH = 200
# A page of 1,000 files with their URLs needs 1,001. Each alias of a query is a resolver, too, and those outside of a
# page invoke a function each.
MAX_RESOLVERS = 1_100


class GraphqlApi(Construct):
    """The GraphQL API. Callers authenticate with Cognito or IAM; without users, with `api_key`, until it expires."""

    def __init__(
        self, scope: Construct, construct_id: str, *, config: Config, log_groups: LogGroups, users: Users | None
    ) -> None:
        super().__init__(scope, construct_id)
        schema = appsync.SchemaFile.from_asset(str(SCHEMA))
        schema.definition = deployable(merged_schema(uploads=config.uploads), auth=config.auth)
        expires: datetime.datetime | None = None
        if users:
            authorization = appsync.AuthorizationConfig(
                default_authorization=appsync.AuthorizationMode(
                    authorization_type=appsync.AuthorizationType.USER_POOL,
                    user_pool_config=appsync.UserPoolConfig(
                        user_pool=users.pool,
                        app_id_client_regex=users.client.user_pool_client_id,
                        default_action=appsync.UserPoolDefaultAction.ALLOW,
                    ),
                ),
                additional_authorization_modes=[
                    appsync.AuthorizationMode(authorization_type=appsync.AuthorizationType.IAM)
                ],
            )
        else:
            expires = self._expiry(config)
            authorization = appsync.AuthorizationConfig(
                default_authorization=appsync.AuthorizationMode(
                    authorization_type=appsync.AuthorizationType.API_KEY,
                    api_key_config=appsync.ApiKeyConfig(expires=Expiration.at_date(expires)),
                )
            )
        self._api = appsync.GraphqlApi(
            self,
            "Api",
            name=config.stack_name,
            definition=appsync.Definition.from_schema(schema),
            authorization_config=authorization,
            query_depth_limit=10,
            resolver_count_limit=MAX_RESOLVERS,
            introspection_config=None if config.introspection else appsync.IntrospectionConfig.DISABLED,
            xray_enabled=config.tracing,
        )
        self.url = self._api.graphql_url
        self.arn = self._api.arn
        self.api_id = self._api.api_id
        self.api_key = self._api.api_key
        self.api_key_expires = expires.date().isoformat() if expires else ""
        self._log(log_groups)

    def resolve(self, function: lambda_.IFunction, *fields: str, batched: Sequence[str] = ()) -> None:
        """Resolve these fields, such as `Query.getUrl`, with this function, as a direct Lambda resolver.

        `batched` fields invoke the function with lists of up to MAX_BATCH events.
        """
        source = self._api.add_lambda_data_source(fields[0].partition(".")[2] + "Source", function)
        for name in (*fields, *batched):
            type_name, _, field = name.partition(".")
            source.create_resolver(
                f"{field}Resolver",
                type_name=type_name,
                field_name=field,
                max_batch_size=MAX_BATCH if name in batched else None,
            )
        Validations.of(source).acknowledge(
            Acknowledgment(
                id=f"AwsSolutions-IAM5[Resource::<{Stack.of(self).get_logical_id(_cfn(function))}.Arn>:*]",
                reason="The wildcard matches the versions of this one function.",
            )
        )

    def _expiry(self, config: Config) -> datetime.datetime:
        today = datetime.datetime.now(datetime.UTC).date()
        day = api_key.expiry(config.api_key_expires, today)
        if text := api_key.warning(day, today):
            Annotations.of(self).add_warning_v2("private-files:api-key-expires", text)
        return datetime.datetime.combine(day, datetime.time(), datetime.UTC)

    def _log(self, log_groups: LogGroups) -> None:
        # Not with `log_config`, which adds another function to set the retention.
        role = iam.Role(self, "LogRole", assumed_by=iam.ServicePrincipal("appsync.amazonaws.com"))
        # The name that AppSync writes to.
        log_groups.add(self, "Logs", name=f"/aws/appsync/apis/{self._api.api_id}").grant_write(role)
        api = _cfn(self._api)
        api.add_property_override("LogConfig.CloudWatchLogsRoleArn", role.role_arn)
        api.add_property_override("LogConfig.FieldLogLevel", "ERROR")
        api.add_property_override("LogConfig.ExcludeVerboseContent", True)
        Validations.of(self._api).acknowledge(
            Acknowledgment(
                id="AwsSolutions-ASC3",
                reason="Errors are logged. Verbose content would include responses, and so signed URLs.",
            )
        )


def _cfn(construct: IConstruct) -> CfnResource:
    resource = construct.node.default_child
    assert isinstance(resource, CfnResource)  # noqa: S101 - every L2 construct here has one
    return resource
