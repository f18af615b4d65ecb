"""What people are told about a POP mailbox that fails: whole sentences that say what it is and what to do about it.

The advice is that of requirement rows R42, R53-R60 and R81-R91. Texts that may mean more than one thing say so.
"""

from __future__ import annotations

from domain.failures.remedy import (
    DAILY_LOOK,
    NEW_PASSWORD,
    NOTHING_TO_DO,
    SIX_HOURLY_LOOK,
    SLOWLY,
    TEN,
    Remedy,
    UserAction,
)

GOOGLE_UNLOCK_URL = "https://accounts.google.com/DisplayUnlockCaptcha"
GOOGLE_SIGN_IN_HELP_URL = "https://support.google.com/mail/answer/78754"
YAHOO_SIGN_IN_URL = "https://login.yahoo.com/"
GOOGLE_APP_PASSWORD_URL = "https://support.google.com/accounts/answer/185833"
GOOGLE_LIMITS_URL = "https://support.google.com/a/answer/1359240"

APP_PASSWORD = Remedy.of(
    "The password itself is not wrong, but this provider does not take the mailbox's ordinary password from a mail "
    f"program. Create an app password (Google: {GOOGLE_APP_PASSWORD_URL}) or connect the mailbox by OAuth, and give it with "
    "change_credential.",
    DAILY_LOOK,
)

PROVIDER_LOCKED = Remedy.of(
    "The provider has locked the mailbox until its owner passes a check in a web browser (often a captcha). The password "
    "is not wrong and need not be changed. Sign in to the mailbox in a browser and complete the check; for a Google "
    f"mailbox, open {GOOGLE_UNLOCK_URL} (Google's legacy unlock page) while signed in to that mailbox, choose Continue, and "
    "let Mailroom try again within ten minutes.",
    SIX_HOURLY_LOOK,
    by_the_owner=UserAction(
        step=(
            "Unlock the mailbox: sign in to it in a web browser as its owner and complete the check that is shown. "
            f"A Google mailbox is unlocked at {GOOGLE_UNLOCK_URL} (Google's legacy unlock page): choose Continue "
            "and let Mailroom try again (poll_now) within ten minutes. "
            "For any other mailbox, use its provider's own sign-in page."
        ),
        url=GOOGLE_UNLOCK_URL,
    ),
)
PROVIDER_LOCKED_YAHOO = Remedy.of(
    "Yahoo has locked the mailbox until its owner confirms who they are. The password is not wrong and need not be "
    f"changed. Sign in at {YAHOO_SIGN_IN_URL} in a browser, complete the check, and if Yahoo goes on asking create an app "
    "password there and give it with change_credential.",
    SIX_HOURLY_LOOK,
    by_the_owner=UserAction(
        step="Unlock the mailbox: sign in at Yahoo as its owner, in a web browser, and complete the check shown.",
        url=YAHOO_SIGN_IN_URL,
    ),
)

WEB_LOGIN = Remedy.of(
    "The provider wants the mailbox's owner to sign in once in a web browser before mail programs are let in. The password "
    "is not wrong and need not be changed.",
    SLOWLY,
    "Sign in on the provider's own page, then connect the mailbox by OAuth or with an app password (Google: "
    f"{GOOGLE_APP_PASSWORD_URL}; legacy: allow less secure apps, where the provider still has that setting).",
    SIX_HOURLY_LOOK,
)
WEB_LOGIN_GOOGLE = Remedy.of(
    "Google wants the mailbox's owner to sign in once in a web browser before mail programs are let in "
    f"({GOOGLE_SIGN_IN_HELP_URL}). The password is not wrong and need not be changed.",
    SLOWLY,
    f"Sign in, then connect the mailbox by OAuth or with an app password ({GOOGLE_APP_PASSWORD_URL}; legacy: allow less "
    "secure apps, which most Google accounts no longer offer).",
    SIX_HOURLY_LOOK,
    by_the_owner=UserAction(
        step=(
            "Sign in to the mailbox once in a web browser and confirm that it was you; then connect it by OAuth or "
            "with an app password, so that Google does not ask again."
        ),
        url=GOOGLE_SIGN_IN_HELP_URL,
    ),
)
WEB_LOGIN_YAHOO = Remedy.of(
    "Yahoo wants the mailbox's owner to sign in once in a web browser before mail programs are let in. The password is not "
    "wrong and need not be changed.",
    SLOWLY,
    f"Sign in at {YAHOO_SIGN_IN_URL}, then connect the mailbox by OAuth or with an app password made there (legacy: allow "
    "less secure apps).",
    SIX_HOURLY_LOOK,
    by_the_owner=UserAction(
        step=(
            "Sign in to the mailbox at Yahoo once in a web browser and confirm that it was you; then connect it by "
            "OAuth or with an app password, so that Yahoo does not ask again."
        ),
        url=YAHOO_SIGN_IN_URL,
    ),
)

POP_OFF = Remedy.of(
    "This mailbox may not be read by POP at present. Ask your e-mail administrator, or the provider's support, whether POP "
    "is offered and to switch it on for this mailbox. In Gmail it is under Settings, Forwarding and POP/IMAP (in a "
    "company's Google Workspace or Microsoft 365 an administrator must allow it first); Yahoo, Zoho, GMX, WEB.DE, QQ, 163 "
    "and 126 have a switch in their mail settings on the web.",
    DAILY_LOOK,
)
POP_OFF_FOR: dict[str, Remedy] = {
    "google": Remedy.of(
        "POP is switched off for this Google mailbox. Its owner can enable it in Gmail under Settings, Forwarding and "
        "POP/IMAP; in a company's Google Workspace, ask your e-mail administrator to allow POP first.",
        DAILY_LOOK,
    ),
    "microsoft": Remedy.of(
        "POP is switched off for this Microsoft mailbox. In a company, ask your e-mail administrator to enable POP for it; "
        "a personal Outlook.com owner enables it under Settings, Mail, Forwarding and IMAP.",
        DAILY_LOOK,
    ),
    "exchange": Remedy.of(
        "POP is switched off for this Exchange mailbox; on a new Exchange server it is off for everybody. Ask your e-mail "
        "administrator to start the POP3 service and to enable POP for this mailbox.",
        DAILY_LOOK,
    ),
    "zoho": Remedy.of(
        "POP is switched off for this Zoho mailbox. Enable it in Zoho Mail under Settings, Mail Accounts; the free plan "
        "does not include it, and in a company ask your e-mail administrator.",
        DAILY_LOOK,
    ),
}

LOCKED = Remedy.of(
    "The provider has locked, suspended or disabled this mailbox. Mailroom can do nothing about that: sign in on the web "
    "to see why, or ask your e-mail administrator or the provider's support to release it. If they also set a new "
    "password, give it with change_credential.",
    DAILY_LOOK,
)
TROUBLE = Remedy.of(
    "The mail server reports trouble of its own.",
    NOTHING_TO_DO,
    "If it goes on for more than a day, show the server's words to your e-mail administrator or the provider's support.",
)
BUSY = Remedy.of(
    "Another program is reading this mailbox by POP, or an earlier session has not quite ended, and the server lets only "
    "one in at a time. The password was accepted.",
    NOTHING_TO_DO,
    "If it keeps happening, find the other mail program that collects this mailbox and let it check less often.",
)
TOO_OFTEN = Remedy.of(
    "The server finds that this mailbox is being logged in to too often and asks for a pause. Mailroom waits at least as "
    "long as the server asks.",
    NOTHING_TO_DO,
    "If it keeps happening, choose a longer interval, and look for other mail programs that collect the same mailbox.",
)
TOO_OFTEN_YAHOO = Remedy.of(
    "Yahoo finds that this mailbox is being logged in to too often and asks for a pause. Mailroom waits.",
    NOTHING_TO_DO,
    "If it keeps happening, choose an interval of 10 minutes or more, and look for other mail programs that collect the "
    "same mailbox, perhaps with an old password.",
)

AUTHENTICATION = Remedy.of(
    "The server refused the user name or the password. Check both: the password may have been changed or have expired, and "
    f"with two-step verification most providers want an app password instead (Google: {GOOGLE_APP_PASSWORD_URL}); QQ, 163 "
    "and 126 want an authorization code.",
    NEW_PASSWORD,
    "The same words may also mean that POP is switched off for this mailbox (GMX, WEB.DE, 163, 126, QQ: enable it in the "
    "mail settings on the web; elsewhere ask your e-mail administrator) or that the provider wants a pause between logins.",
    TEN,
)
AUTHENTICATION_FOR = {
    "google": Remedy.of(
        "Google refused the user name or the password. Google takes no ordinary passwords from mail programs any more: "
        f"create an app password ({GOOGLE_APP_PASSWORD_URL}, needs 2-step verification) or connect by OAuth. App passwords "
        "end when the account's password is changed.",
        NEW_PASSWORD,
        TEN,
    ),
    "yahoo": Remedy.of(
        "Yahoo refused the user name or the password. Yahoo takes only app passwords from mail programs, not the ordinary "
        "one: create one in the account's security settings.",
        NEW_PASSWORD,
        TEN,
    ),
}
LOGON_FAILURE = Remedy.of(
    "The server refused the login and does not say why. Exchange and Microsoft 365 use these words for a wrong user name "
    "or password, but also when POP is switched off for the mailbox and when logins come too often. Check user name and "
    "password first.",
    NEW_PASSWORD,
    "If they are right, ask your e-mail administrator whether POP is enabled for this mailbox; Microsoft 365 and "
    "Outlook.com take no passwords for POP any more and must be connected by OAuth.",
    TEN,
)
EXPIRED = Remedy.of(
    "The server says that the password has expired or must be changed. Sign in on the web, or ask your e-mail "
    "administrator, to set a new one.",
    NEW_PASSWORD,
    TEN,
)

TURNED_AWAY = Remedy.of(
    "The server turned the connection away before any login.",
    NOTHING_TO_DO,
    "If other mail programs get through, the server may be refusing only Mailroom's addresses: ask its mail administrator, "
    "and name the server, the port, the time of this failure and the addresses that Mailroom connects from.",
)
NOT_ABOUT_THE_PASSWORD = Remedy.of(
    "The server refused the login, but it is one that marks wrong passwords as such and did not mark this: so it is taken "
    "as the server's own trouble and not counted as a wrong password.",
    NOTHING_TO_DO,
    "If it goes on for more than a day, check user name and password after all, and show the server's words to your e-mail "
    "administrator.",
)
UNKNOWN_WORDS = Remedy.of(
    "The server refused the login in words that Mailroom does not know, so it is not counted as a wrong password. It is "
    "either the server's own trouble or about user name and password.",
    NOTHING_TO_DO,
    "If it goes on for more than a day, check user name and password, and show the server's words to your e-mail "
    "administrator.",
    NEW_PASSWORD,
)
PASSWORDS_OFF = Remedy.of(
    "The password is not wrong, but the server takes no ordinary passwords from mail programs. Connect the mailbox by "
    "OAuth, or with an app password where the provider has them.",
    DAILY_LOOK,
)
MESSAGE_REFUSED = Remedy.of(
    "The server listed this message but would not hand it out. Mailroom goes on with the others and tries this one again; "
    "if it never comes, open it on the web or ask the provider's support.",
)
NO_UIDL = Remedy.of(
    "The server does not know UIDL, the command by which mail that was fetched already is recognised. Ask your e-mail "
    "administrator to enable it, or whether another server offers this mailbox with it.",
    DAILY_LOOK,
)

BASIC_AUTHENTICATION_OFF = Remedy.of(
    "The password is not wrong: Microsoft takes no passwords for POP any more on Outlook.com and Microsoft 365. Connect "
    "the mailbox by OAuth, signing in with Microsoft.",
    DAILY_LOOK,
)
BANDWIDTH = Remedy.of(
    "The mailbox was read too often or too much in one day (Gmail allows about 1,250 MB a day by POP) and is closed to "
    f"mail programs for an hour, up to a day ({GOOGLE_LIMITS_URL}).",
    NOTHING_TO_DO,
    "If it keeps happening, choose a longer interval, and look for other mail programs that collect the same mailbox.",
)
POP_BEING_PREPARED = Remedy.of(
    "POP was switched on in this mailbox only lately and Google is still preparing it, which can take hours for a large "
    "mailbox.",
    NOTHING_TO_DO,
    "If it goes on for more than a day, recent mode works meanwhile.",
)
MANY_REASONS = Remedy.of(
    "The server refused the login and names several reasons at once: a wrong password, POP switched off, too many logins, "
    "or a busy system. Check that POP is enabled in the mail settings on the web and that the secret is the authorization "
    "code made there, not the ordinary password.",
    NEW_PASSWORD,
    TEN,
)
TOO_MANY_CONNECTIONS = Remedy.of(
    "The server allows only so many connections at a time, per mailbox or per address, and they are all taken.",
    NOTHING_TO_DO,
    "If it keeps happening, close other mail programs that use this mailbox; the operator can lower "
    "MAILROOM_MAX_SESSIONS_PER_HOST.",
)
NETEASE_POP_OFF = Remedy.of(
    "This provider answers so while POP is switched off, as it is in every new mailbox. Enable POP3 in the mail settings "
    "on the web and give the authorization code shown there with change_credential; the ordinary password does not work "
    "for mail programs. If POP is enabled already, the code may be wrong.",
    DAILY_LOOK,
)
ENCRYPTION_REQUIRED = Remedy.of(
    "The server takes passwords only over an encrypted connection. Set the account to implicit TLS on port 995, or to "
    "STARTTLS on port 110, with change_settings.",
    DAILY_LOOK,
)
NO_STARTTLS = Remedy.of(
    "The server refused to encrypt the connection (STARTTLS), so no password was sent. Set the account to implicit TLS, "
    "usually on port 995, with change_settings, or ask your e-mail administrator to enable STARTTLS.",
    DAILY_LOOK,
)
LOGIN_METHOD = Remedy.of(
    "The server does not offer the way of logging in that was tried. Set the account's auth to password or to xoauth2, "
    "whichever the provider documents, with change_settings.",
    DAILY_LOOK,
)
MISUNDERSTOOD = Remedy.of(
    "The server and Mailroom misunderstood each other, and the session ended.",
    NOTHING_TO_DO,
    "If it goes on for more than a day, give the reference of this failure to support.",
)
LINE_CLOSED = Remedy.of(
    "The server closed the connection: it is being restarted, or it found the session idle for too long.",
    NOTHING_TO_DO,
    "If it goes on, show the server's words to your e-mail administrator.",
)
PERMANENT = Remedy.of(
    "The server refuses this mailbox for good and says that trying again will not help. Its own words, shown with this "
    "failure, say why: show them to your e-mail administrator or the provider's support.",
    DAILY_LOOK,
)
