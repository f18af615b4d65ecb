"""What may be asked of a sending route: the operators' commands as they are typed, and what comes of logins and attempts."""

from __future__ import annotations

from typing import Any

from domain.core.commands import Command, Report, WasRefused
from domain.core.foreign_text import Reason
from domain.core.validation import SecretReference
from domain.failures.failure import Failure
from domain.sending.settings import RouteSettings


class Disable(Command):
    """Send nothing by this route until it is enabled again; what is to be sent is held."""

    reason: Reason | None = None


class Enable(Command):
    """Take a disabled or suspended route back into service, after a login; what is held goes out, the oldest first."""


class ChangeSettings(Command):
    """Lay the given fields over the settings, after a login where the server, the user or the secret change."""

    settings: dict[str, Any]


class ChangeCredential(Command):
    """Take another secret, or the same one anew, after a login with it; what is held goes out, the oldest first."""

    secret: SecretReference | None = None


class CheckNow(Command):
    """Log in now, and send nothing: what is held goes out if that works."""


class Close(Command):
    """End the route's workflow; what is held stays so until it is cancelled, or the route is started again."""


# What comes of it ---------------------------------------------------------------------------------------------------------


class Verified(Report):
    """The login at set-up worked."""


class SetUpFailed(Report):
    failure: Failure


class LoginWorked(Report):
    """A command's login worked, with the settings that were tried."""

    command: Enable | ChangeSettings | ChangeCredential
    settings: RouteSettings


class ProbeWorked(Report):
    """The route's own login worked: nothing was sent."""

    settings_version: int


class AttemptWorked(Report):
    """A message got as far as its own recipients or content: the server was reached, let us in, and took the sender."""

    settings_version: int


class AttemptFailed(Report):
    """A login, or an attempt to send, failed for a reason that is the route's. `jitter` in [0, 1) spreads the next attempts of
    many routes; `let_in`: the server had let us in before; `minute_seconds`: how long the worker's minutes are."""

    failure: Failure
    settings_version: int
    let_in: bool = False
    minute_seconds: float = 60.0
    jitter: float = 0.0


OperatorCommand = Disable | Enable | ChangeSettings | ChangeCredential | CheckNow | Close
AnyCommand = (
    OperatorCommand | Verified | SetUpFailed | LoginWorked | ProbeWorked | AttemptWorked | AttemptFailed | WasRefused
)
