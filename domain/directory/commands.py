"""People whom an account saves in its address book: the commands, as they are typed."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from domain.core.commands import Command
from domain.core.foreign_text import PersonName
from domain.mime.addresses import normal_address


def _address(text: str) -> str:
    if normal_address(text) is None:
        raise PydanticCustomError(
            "invalid_field", "is not an e-mail address: write one address such as anna@example.org"
        )
    return text


MailAddress = Annotated[str, Field(max_length=320), AfterValidator(_address)]


class SaveContact(Command):
    """Save a person in the address book, or save them anew; `pinned` puts them first."""

    address: MailAddress
    name: PersonName
    pinned: bool = False


class RemoveContact(Command):
    """Remove a person from the address book. Who writes again, or is written to again, comes back."""

    address: MailAddress
