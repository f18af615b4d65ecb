"""What the owner of a mailbox can do about a failure, as data: a page to open, or a setting to change."""

from __future__ import annotations

from domain.failures import pop_remedies as say
from domain.failures.failure import Failure, Kind
from domain.failures.remedy import UserAction

# Where no remedy was written for the provider at hand. A server's own links are never passed on: they may be bait.
_OF_ANY_PROVIDER: dict[Kind, UserAction] = {
    Kind.PROVIDER_LOCKED: UserAction(
        step="Unlock the mailbox: sign in to it in a web browser as its owner and complete the check shown."
    ),
    Kind.WEB_LOGIN_REQUIRED: UserAction(
        step=(
            "Sign in to the mailbox once in a web browser, on its provider's own page, and confirm that it was "
            "you; then connect it by OAuth or with an app password, so that the provider does not ask again."
        )
    ),
}
# A failure keeps its remedy as it was rendered, in histories and in logs.
_BY_REMEDY: dict[str, UserAction] = {
    remedy.of_watching: remedy.by_the_owner
    for remedy in (say.PROVIDER_LOCKED, say.PROVIDER_LOCKED_YAHOO, say.WEB_LOGIN_GOOGLE, say.WEB_LOGIN_YAHOO)
    if remedy.by_the_owner
}


def user_action(failure: Failure) -> UserAction | None:
    """The step that the mailbox's owner must take, for the two kinds that wait for one; None for all others.

    Rows R54, R55, R59, R60.
    """
    of_any = _OF_ANY_PROVIDER.get(failure.kind)
    return of_any and _BY_REMEDY.get(failure.remedy, of_any)
