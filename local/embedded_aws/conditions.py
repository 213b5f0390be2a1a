"""CloudFormation patch: conditions that compare pseudo parameters, such as `AWS::Region`.

ministack compares their names, so that no condition on the Region is ever true.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/pseudo-parameter-reference.html
"""

from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services.cloudformation import changesets, engine, handlers, stacks

from local.embedded_aws import upstream


def apply() -> None:
    modules = (engine, changesets, handlers, stacks)  # each has it under its own name
    evaluate, *_ = [upstream.original(module, "_evaluate_conditions", "e7f9e29b6c01") for module in modules]

    def evaluate_with_pseudo_parameters(template: dict[str, Any], parameters: dict[str, Any]) -> dict[str, bool]:
        pseudo = {"AWS::Region": get_region(), "AWS::AccountId": get_account_id(), "AWS::Partition": "aws"}
        values = {name: {"Value": value} for name, value in pseudo.items()}
        evaluated: dict[str, bool] = evaluate(template, values | parameters)
        return evaluated

    for module in modules:
        module._evaluate_conditions = evaluate_with_pseudo_parameters
