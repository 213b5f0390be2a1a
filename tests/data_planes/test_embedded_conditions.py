"""Conditions of templates in the emulator, which gets those on pseudo parameters from us."""

from collections.abc import Iterator
from typing import Any

import pytest
from ministack.core.responses import get_region
from ministack.services.cloudformation import changesets, engine, handlers, stacks

from local.embedded_aws import conditions

MODULES = (engine, changesets, handlers, stacks)


@pytest.fixture(autouse=True)
def patched(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for module in MODULES:
        monkeypatch.setattr(module, "_evaluate_conditions", engine._evaluate_conditions)
    conditions.apply()
    yield


def evaluate(region: str, parameters: dict[str, Any]) -> set[bool]:
    template = {"Conditions": {"Here": {"Fn::Equals": [{"Ref": "AWS::Region"}, region]}}}
    return {module._evaluate_conditions(template, parameters)["Here"] for module in MODULES}


def test_condition_on_the_region_is_true_in_that_region_only() -> None:
    assert evaluate(get_region(), {}) == {True}
    assert evaluate("another-region-1", {}) == {False}


def test_condition_on_a_parameter_is_evaluated_as_before() -> None:
    template = {"Conditions": {"Big": {"Fn::Equals": [{"Ref": "Size"}, "big"]}}}
    for module in MODULES:
        assert module._evaluate_conditions(template, {"Size": {"Value": "big"}}) == {"Big": True}
        assert module._evaluate_conditions(template, {"Size": {"Value": "small"}}) == {"Big": False}
