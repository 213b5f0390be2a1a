"""The stack, as a table of contents."""

from aws_cdk import CfnOutput, Stack
from constructs import Construct

from infra.cdn import Cdn
from infra.config import Config
from infra.file_store import FileStore
from infra.frontend import Frontend
from infra.functions import Functions
from infra.graphql_api import GraphqlApi
from infra.rest_api import RestApi
from infra.signing_key import SigningKey
from infra.users import Users
from resolvers.settings import FilesSettings, UrlSettings


class PrivateFilesStack(Stack):
    """One bucket of private files, and a GraphQL API that hands out URLs which open them for a limited time."""

    def __init__(self, scope: Construct, construct_id: str, *, config: Config) -> None:
        super().__init__(
            scope, construct_id, description="Private files, opened by signed URLs, asked for through GraphQL."
        )
        functions = Functions(self, "Functions", config=config)
        files = FileStore(self, "Files", config=config)
        key = SigningKey(self, "SigningKey", config=config, functions=functions)
        cdn = Cdn(self, "Cdn", config=config, files=files, trusted=key.group)
        users = Users(self, "Users", config=config) if config.auth else None
        api = GraphqlApi(self, "Api", config=config, users=users)

        files_function = functions.add(
            "FilesFunction",
            handler="files_handler",
            settings=FilesSettings(bucket_name=files.bucket.bucket_name, files_folder=config.files_folder),
        )
        url_function = functions.add(
            "UrlFunction",
            handler="url_handler",
            cryptography=True,
            settings=UrlSettings(
                cdn_url=cdn.origin,
                files_folder=config.files_folder,
                signing_keys=key.signing_keys,
                url_lifetime=config.url_lifetime,
                url_lifetime_min=config.url_lifetime_min,
                url_lifetime_max=config.url_lifetime_max,
                url_window=config.url_window,
            ),
        )
        live_files, live_url = functions.live(files_function), functions.live(url_function)
        api.resolve(live_files, "Query.getFiles", "Query.listFiles", "Query.getFile")
        api.resolve(live_url, "Query.getUrl", "Query.getUrls", batched=["File.url"])

        rest = RestApi(self, "Rest", config=config, users=users) if config.rest else None
        if rest:
            rest.answer("/files", live_files)
            rest.answer("/url", live_url)

        files.grant_list(files_function)
        key.grant_sign(url_function)

        self._output("GraphqlUrl", api.url)
        self._output("CdnUrl", cdn.origin)
        self._output("Region", self.region)
        self._output("BucketName", files.bucket.bucket_name)
        self._output("FilesFolder", config.files_folder)
        self._output("DistributionId", cdn.distribution.distribution_id)
        self._output("KeyGroupId", key.group.key_group_id)
        if users:
            self._output("UserPoolId", users.pool.user_pool_id)
            self._output("UserPoolClientId", users.client.user_pool_client_id)
        if api.api_key:
            self._output("ApiKey", api.api_key)
        if rest:
            self._output("RestUrl", rest.url)
        if config.frontend:
            self._output("FrontendUrl", Frontend(self, "Frontend", config=config, api=api, cdn=cdn, users=users).url)

    def _output(self, name: str, value: str) -> None:
        CfnOutput(self, name, value=value)
