"""AppSync: the API of `schema.graphql`, its callers, and the function behind each field."""

from collections.abc import Sequence
from pathlib import Path

from aws_cdk import Acknowledgment, CfnResource, Duration, Expiration, RemovalPolicy, Stack, Validations
from aws_cdk import aws_appsync as appsync
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct, IConstruct
from graphql import REMOVE, DirectiveNode, Visitor, VisitorAction, parse, print_ast, visit

from infra.config import Config
from infra.users import Users

MAX_BATCH = 1000  # the most files on a page of `listFiles`

AUTH_DIRECTIVES = {"aws_api_key", "aws_auth", "aws_cognito_user_pools", "aws_iam", "aws_lambda", "aws_oidc"}
SCHEMA = Path(__file__).parent.parent / "schema.graphql"


class GraphqlApi(Construct):
    """The GraphQL API. Callers authenticate with Cognito or IAM; without users, with `api_key`, valid for a year."""

    def __init__(self, scope: Construct, construct_id: str, *, config: Config, users: Users | None) -> None:
        super().__init__(scope, construct_id)
        schema = appsync.SchemaFile.from_asset(str(SCHEMA))
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
            schema.definition = without_auth_directives(schema.definition)
            authorization = appsync.AuthorizationConfig(
                default_authorization=appsync.AuthorizationMode(
                    authorization_type=appsync.AuthorizationType.API_KEY,
                    api_key_config=appsync.ApiKeyConfig(expires=Expiration.after(Duration.days(365))),
                )
            )
        self._api = appsync.GraphqlApi(
            self,
            "Api",
            name=config.stack_name,
            definition=appsync.Definition.from_schema(schema),
            authorization_config=authorization,
            query_depth_limit=10,
            resolver_count_limit=2000,  # a page of 1,000 files with their URLs, and some room
        )
        self.url = self._api.graphql_url
        self.api_key = self._api.api_key
        self._log()

    def resolve(self, function: lambda_.IFunction, *fields: str, batched: Sequence[str] = ()) -> None:
        """Resolve these fields, such as `Query.getUrl`, with this function, as a direct Lambda resolver.

        `batched` fields invoke the function with lists of events, one list for a page of files.
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

    def _log(self) -> None:
        # Not with `log_config`, which adds another function to set the retention.
        role = iam.Role(self, "LogRole", assumed_by=iam.ServicePrincipal("appsync.amazonaws.com"))
        logs.LogGroup(
            self,
            "Logs",
            log_group_name=f"/aws/appsync/apis/{self._api.api_id}",  # the name that AppSync writes to
            retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=RemovalPolicy.DESTROY,
        ).grant_write(role)
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


def without_auth_directives(schema: str) -> str:
    """Return the schema without the directives that restrict types and fields to authorization modes.

    A type that names modes refuses all others, so an API with only an API key needs a schema that names none.
    https://docs.aws.amazon.com/appsync/latest/devguide/security-authz.html
    """

    class RemoveAuthDirectives(Visitor):
        def enter_directive(self, node: DirectiveNode, *_: object) -> VisitorAction:
            return REMOVE if node.name.value in AUTH_DIRECTIVES else None

    return print_ast(visit(parse(schema), RemoveAuthDirectives())) + "\n"


def _cfn(construct: IConstruct) -> CfnResource:
    resource = construct.node.default_child
    assert isinstance(resource, CfnResource)  # noqa: S101 - every L2 construct here has one
    return resource
