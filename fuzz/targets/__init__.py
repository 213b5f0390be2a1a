"""What is fuzzed, by name: modules whose `check` takes choices, and raises AssertionError if the code breaks a rule.

Each states its rule a second time, more simply than the code or with another library.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable

from fuzz.choices import Choices

NAMES = (
    "edge", "custom_policies", "file_names", "page_tokens", "content_disposition", "access_rules", "uploads", "masking",
    "globs", "http_queries", "explanations", "graphql_requests", "graphql_documents",
)  # fmt: skip


def load(name: str) -> Callable[[Choices], None]:
    """Return the check of this name. Targets are imported late, so that an engine can instrument what they import."""
    check: Callable[[Choices], None] = importlib.import_module(f"fuzz.targets.{name}").check
    return check
