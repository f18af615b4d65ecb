"""What is nobody's business: mail that is never stored, and mail that is stored and never linked."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from domain.addresses import normal_address
from domain.settings import Strict


def _rule(text: str) -> str:
    domain = text.strip().lstrip("@")
    normal = normal_address(text if "@" in domain else f"anyone@{domain}")
    if normal is None:
        raise PydanticCustomError(
            "invalid_field", "is neither an address nor a domain: write jane@example.com or example.com"
        )
    return normal if "@" in domain else normal.partition("@")[2]


Rule = Annotated[str, Field(max_length=320), AfterValidator(_rule)]  # an address, or a domain with all below it


class Privacy(Strict):
    """One account's rules. `never_log`: whose mail is never stored; `private`: whose mail is stored and linked to nothing.
    `internal`: what becomes of mail among people of the account's own domain alone, unless it is a free-mail domain."""

    never_log: Annotated[tuple[Rule, ...], Field(max_length=1000)] = ()
    private: Annotated[tuple[Rule, ...], Field(max_length=1000)] = ()
    internal: Literal["private", "never_log", "link"] = "private"
