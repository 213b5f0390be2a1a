"""`cdk synth` and `cdk deploy` begin here. Needs neither credentials nor Docker."""

import sys

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks

from infra.config import Config, InvalidConfiguration
from infra.frontend import FrontendNotBuilt
from infra.stack import PrivateFilesStack

app = cdk.App()
try:
    config = Config.from_context(app.node.get_all_context())
except InvalidConfiguration as error:
    sys.exit(f"Configuration: {error}")
try:
    PrivateFilesStack(app, config.stack_name, config=config)
except FrontendNotBuilt as error:
    sys.exit(str(error))
# A finding that nobody argued away fails the synth.
cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
app.synth()
