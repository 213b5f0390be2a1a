"""The CDK application, run by `cdk synth` and `cdk deploy`. Needs neither credentials nor Docker."""

import os
import sys

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks

from infra.config import Config, InvalidConfiguration
from infra.edge_stack import EdgeStack, announce_edge_stack
from infra.environments import with_environment
from infra.frontend import FrontendNotBuilt
from infra.stack import PrivateFilesStack

app = cdk.App()
try:
    config = Config.from_context(with_environment(app.node.get_all_context()))
    region = os.environ.get("CDK_DEFAULT_REGION", "")  # set by the CDK command line
    config.check_region(region)
    stack = PrivateFilesStack(app, config.stack_name, config=config)
    announce_edge_stack(stack, config=config, region=region)
    if config.distribution_id:
        EdgeStack(app, config=config)
except InvalidConfiguration as error:
    sys.exit(f"Configuration: {error}")
except FrontendNotBuilt as error:
    sys.exit(str(error))
# A finding without an acknowledgment fails the synth.
cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
app.synth()
