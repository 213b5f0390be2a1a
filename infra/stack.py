"""The stack, as a table of contents.

- To add a setting, add a field to `infra.config.Config` and its default to `cdk.json`. If a function needs it, also add
  it to that function's class in `resolvers.settings`, and pass it below.
- To add a query, add it to `schema.graphql`, or a mutation to `uploads.graphql`. Write its resolver in one of the
  `resolvers/*_handler.py`, and name it in `api.resolve` below.
- To add a refusal, raise a subclass of `resolvers.errors.RequestRefused`. Nothing needs to be added here.
- To add an access rule, add it to the setting `access`; what rules can say is in `resolvers.access`.
- To add an output, add a field to `private_files.outputs.Outputs`, and pass its value below.
"""

from aws_cdk import Annotations, CfnOutput, Stack
from constructs import Construct

from infra.access_logs import AccessLogs
from infra.backup import Backup
from infra.cdn import Cdn
from infra.config import Config
from infra.file_store import FileStore
from infra.frontend import Frontend
from infra.functions import Functions
from infra.graphql_api import GraphqlApi
from infra.http_api import HttpApi
from infra.log_groups import LogGroups
from infra.monitoring import Monitoring
from infra.signing_key import SigningKey
from infra.users import Users
from infra.web_acl import WebAcl
from private_files.outputs import Outputs
from resolvers.settings import FilesSettings, UploadSettings, UrlSettings

UPLOADS = ("startUploads", "signParts", "resumeUpload", "finishUpload", "cancelUpload", "deleteFiles")


class PrivateFilesStack(Stack):
    """One bucket of private files, and a GraphQL API that returns CloudFront URLs to open them for a limited time."""

    def __init__(self, scope: Construct, construct_id: str, *, config: Config) -> None:
        super().__init__(
            scope,
            construct_id,
            description="Private files, opened by signed URLs, requested through GraphQL.",
            # What keeps its data is not deleted by mistake.
            termination_protection=config.retain_data,
        )
        self._announce(config)
        log_groups = LogGroups(self, "LogGroups", config=config)
        functions = Functions(self, "Functions", config=config, log_groups=log_groups)
        files = FileStore(self, "Files", config=config)
        key = SigningKey(self, "SigningKey", config=config, functions=functions)
        cdn = Cdn(self, "Cdn", config=config, files=files, trusted=key.group)
        users = Users(self, "Users", config=config) if config.auth else None
        api = GraphqlApi(self, "Api", config=config, log_groups=log_groups, users=users)
        http_api = HttpApi(self, "Rest", config=config, log_groups=log_groups, users=users) if config.rest else None
        uploads_url = files.uploads_url if config.uploads else ""
        frontend = (
            Frontend(
                self,
                "Frontend",
                config=config,
                log_groups=log_groups,
                api=api,
                cdn=cdn,
                users=users,
                uploads_url=uploads_url,
            )
            if config.frontend
            else None
        )
        if config.waf:
            WebAcl(self, "WebAcl", config=config, api_arn=api.arn)
        if config.access_logs:
            AccessLogs(self, "AccessLogs", config=config, log_groups=log_groups, files=files, cdn=cdn)
        if config.backup:
            Backup(self, "Backup", config=config, bucket=files.bucket)

        files_function = functions.add(
            "FilesFunction",
            handler="files_handler",
            concurrency=config.reserved_concurrency,
            settings=FilesSettings(
                bucket_name=files.bucket.bucket_name, files_folder=config.files_folder, access=config.effective_access
            ),
        )
        url_function = functions.add(
            "UrlFunction",
            handler="url_handler",
            concurrency=config.reserved_concurrency,
            cryptography=True,
            settings=UrlSettings(
                cdn_url=cdn.url,
                files_folder=config.files_folder,
                signing_keys=key.signing_keys,
                url_lifetime=config.url_lifetime,
                url_lifetime_min=config.url_lifetime_min,
                url_lifetime_max=config.url_lifetime_max,
                url_window=config.url_window,
                access=config.effective_access,
            ),
        )
        live_files, live_url = functions.live(files_function), functions.live(url_function)
        api.resolve(live_files, "Query.getFiles", "Query.listFiles", "Query.getFile", "Query.getAccess")
        api.resolve(live_url, "Query.getUrl", "Query.getUrls", batched=["File.url"])
        if config.uploads:
            upload_function = functions.add(
                "UploadFunction",
                handler="upload_handler",
                concurrency=config.reserved_concurrency,
                settings=UploadSettings(
                    bucket_name=files.bucket.bucket_name,
                    files_folder=config.files_folder,
                    access=config.effective_access,
                    upload_max_size=config.upload_max_size,
                ),
            )
            api.resolve(functions.live(upload_function), *(f"Mutation.{name}" for name in UPLOADS))
            files.grant_upload(upload_function)
        if http_api:
            http_api.route("/files", live_files)
            http_api.route("/url", live_url)

        files.grant_list(files_function)
        key.grant_sign(url_function)
        if config.monitoring:
            Monitoring(
                self, "Monitoring", config=config, functions=functions, api=api, http_api=http_api, cdn=cdn, files=files
            )

        outputs = Outputs(
            graphql_url=api.url,
            cdn_url=cdn.url,
            region=self.region,
            bucket_name=files.bucket.bucket_name,
            files_folder=config.files_folder,
            distribution_id=cdn.distribution.distribution_id,
            key_group_id=key.group.key_group_id,
            user_pool_id=users.pool.user_pool_id if users else "",
            user_pool_client_id=users.client.user_pool_client_id if users else "",
            api_key=api.api_key or "",
            api_key_expires=api.api_key_expires,
            rest_url=http_api.url if http_api else "",
            frontend_url=frontend.url if frontend else "",
            uploads_url=uploads_url,
        )
        for name, value in outputs.to_json().items():
            CfnOutput(self, name, value=value)

    def _announce(self, config: Config) -> None:
        if config.access.rules:
            Annotations.of(self).add_info_v2("private-files:access", "Everything that no access rule allows is closed.")
        elif config.uploads:
            Annotations.of(self).add_warning_v2(
                "private-files:open-uploads",
                "Every caller may replace and delete every file: uploads is on and there are no access rules.",
            )
        if config.bucket_name:
            Annotations.of(self).add_info_v2(
                "private-files:existing-bucket",
                f"The stack does not change the bucket {config.bucket_name}. After the deployment, run "
                "`python -m deploy.existing_bucket`: it prints the policy statements that are missing.",
            )
