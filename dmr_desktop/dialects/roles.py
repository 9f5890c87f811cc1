"""Who says a message, in the words of the dialects that have OpenAI's roles."""

from collections.abc import Mapping

from dmr_desktop.dialects.fields import Fields, one_of
from dmr_desktop.protocol.generation import Role

ROLES: Mapping[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
}


def read_role(entry: Fields, roles: Mapping[str, Role] = ROLES, older: Mapping[str, Role] | None = None) -> Role:
    """``older`` names are taken, and not named in the refusal. Raises InvalidRequest."""
    given = entry.required_text("role")
    role = roles.get(given) or (older or {}).get(given)
    if role is None:
        entry.refuse("role", f"Invalid value: '{given[:40]}'. Supported values are: {one_of(list(roles))}.")
    return role
