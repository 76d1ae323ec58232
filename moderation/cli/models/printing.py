"""How the commands about models print what was measured."""

from collections.abc import Mapping
from typing import Any


def facts_in_a_line(facts: Mapping[str, Any]) -> str:
    """``name value  name value``; facts within facts stand in brackets."""
    return "  ".join(
        f"{name} ({facts_in_a_line(value)})" if isinstance(value, Mapping) else f"{name} {value}"
        for name, value in facts.items()
    )
