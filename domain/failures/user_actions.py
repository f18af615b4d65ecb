"""What the owner of a mailbox can do about a failure, as data: a page to open, or a setting to change."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from domain.failures.failure import Failure, Kind


class UserAction(BaseModel):
    """What only the mailbox's owner can do, and the page to do it on where one is known."""

    model_config = ConfigDict(frozen=True)

    step: str
    url: str | None = None


GOOGLE_UNLOCK_URL = "https://accounts.google.com/DisplayUnlockCaptcha"
GOOGLE_SIGN_IN_HELP_URL = "https://support.google.com/mail/answer/78754"
YAHOO_SIGN_IN_URL = "https://login.yahoo.com/"
# Per kind, the pages that its owner may be sent to. The remedy, written for the provider at hand, decides: the first of
# these that it names is the one. A server's own links are never passed on: they may be bait.
_USER_ACTIONS: dict[Kind, tuple[UserAction, ...]] = {
    Kind.PROVIDER_LOCKED: (
        UserAction(
            step=(
                "Unlock the mailbox: sign in to it in a web browser as its owner and complete the check that is shown. "
                f"A Google mailbox is unlocked at {GOOGLE_UNLOCK_URL} (Google's legacy unlock page): choose Continue "
                "and let Mailroom try again (poll_now) within ten minutes. "
                "For any other mailbox, use its provider's own sign-in page."
            ),
            url=GOOGLE_UNLOCK_URL,
        ),
        UserAction(
            step="Unlock the mailbox: sign in at Yahoo as its owner, in a web browser, and complete the check shown.",
            url=YAHOO_SIGN_IN_URL,
        ),
        UserAction(
            step="Unlock the mailbox: sign in to it in a web browser as its owner and complete the check shown."
        ),
    ),
    Kind.WEB_LOGIN_REQUIRED: (
        UserAction(
            step=(
                "Sign in to the mailbox once in a web browser and confirm that it was you; then connect it by OAuth or "
                "with an app password, so that Google does not ask again."
            ),
            url=GOOGLE_SIGN_IN_HELP_URL,
        ),
        UserAction(
            step=(
                "Sign in to the mailbox at Yahoo once in a web browser and confirm that it was you; then connect it by "
                "OAuth or with an app password, so that Yahoo does not ask again."
            ),
            url=YAHOO_SIGN_IN_URL,
        ),
        UserAction(
            step=(
                "Sign in to the mailbox once in a web browser, on its provider's own page, and confirm that it was "
                "you; then connect it by OAuth or with an app password, so that the provider does not ask again."
            )
        ),
    ),
}


def user_action(failure: Failure) -> UserAction | None:
    """The step that the mailbox's owner must take, for the two kinds that wait for one; None for all others.

    Rows R54, R55, R59, R60.
    """
    actions = _USER_ACTIONS.get(failure.kind)
    if actions is None:
        return None
    return next((action for action in actions if action.url and action.url in failure.remedy), actions[-1])
