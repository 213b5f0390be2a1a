"""Resources that CloudFront has only in us-east-1, in a stack that can be deployed in any Region."""

from aws_cdk import Aws, CfnCondition, CfnResource, Fn, Stack
from constructs import Construct

REGION = "us-east-1"


def only_in_us_east_1(construct: Construct) -> None:
    """Create the resources of the construct only if the stack is in us-east-1, which only CloudFormation knows."""
    stack, name = Stack.of(construct), "InUsEast1"
    condition = stack.node.try_find_child(name)
    if not isinstance(condition, CfnCondition):
        condition = CfnCondition(stack, name, expression=Fn.condition_equals(Aws.REGION, REGION))
    for child in construct.node.find_all():
        if isinstance(child, CfnResource):
            child.cfn_options.condition = condition
