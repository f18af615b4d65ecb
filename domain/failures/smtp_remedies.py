"""What people are told about a server that refuses to send: whole sentences that say what it is and what to do about it.

The advice is that of requirement rows R89 and R92-R96.
"""

from __future__ import annotations

from domain.failures.pop_remedies import GOOGLE_APP_PASSWORD_URL
from domain.failures.remedy import NOTHING_TO_DO, Remedy

_LOOKS = "What waits to be sent is kept and goes out once that is done; nothing is lost meanwhile."

AUTHENTICATION = Remedy.of(
    "The outgoing server refused the user name or the password. Check both: the password may have been changed, and with "
    f"two-step verification most providers want an app password instead (Google: {GOOGLE_APP_PASSWORD_URL}). {_LOOKS}",
)
EXPIRED = Remedy.of(
    "The outgoing server says that the password has expired or must be changed. Sign in on the web, or ask your e-mail "
    f"administrator, to set a new one, and give it for sending. {_LOOKS}",
)
APP_PASSWORD = Remedy.of(
    "The password itself is not wrong, but this provider does not take the mailbox's ordinary password from a mail "
    f"program. Create an app password (Google: {GOOGLE_APP_PASSWORD_URL}; QQ, 163 and 126: an authorization code) or "
    f"connect by OAuth. {_LOOKS}",
)
SENDING_OFF = Remedy.of(
    "The password is not wrong: sending by SMTP with it is switched off for this mailbox or its organisation. Ask the "
    "e-mail administrator to allow authenticated SMTP (Microsoft 365: https://aka.ms/smtp_auth_disabled; at GoDaddy under "
    f"Email & Office Dashboard, the user's Advanced settings), or connect by OAuth. {_LOOKS}",
)
WEB_LOGIN = Remedy.of(
    "The provider wants the mailbox's owner to sign in once in a web browser before mail programs may send. The password "
    f"is not wrong. Sign in on the provider's own page, then use OAuth or an app password. {_LOOKS}",
)
LOCKED = Remedy.of(
    "The provider has locked the mailbox, or closed it for sending. Sign in on the web to see why, or ask the e-mail "
    f"administrator or the provider's support to release it. {_LOOKS}",
)
ENCRYPTION_REQUIRED = Remedy.of(
    "The outgoing server takes mail only over an encrypted connection. Set it to STARTTLS on port 587, or to implicit TLS "
    f"on port 465. {_LOOKS}",
)
LOGIN_REQUIRED = Remedy.of(
    "The outgoing server takes no mail without a login, or passes none on for this one. Check that a user name and a "
    f"secret are set for sending, and that they belong to this server. {_LOOKS}",
)
LOGIN_METHOD = Remedy.of(
    "The outgoing server does not offer the way of logging in that was tried, or finds it too weak. Set auth to password "
    f"or to xoauth2, whichever the provider documents. {_LOOKS}",
)
SENDER_NOT_ALLOWED = Remedy.of(
    "The server does not let this login send under this address. Use the login's own address, verify the other one with "
    f"the provider, or ask the e-mail administrator for the right to send as it. {_LOOKS}",
)
TOO_MUCH = Remedy.of(
    "The provider finds that too much is being sent or logged in to and asks for a pause. Mailroom waits.",
    NOTHING_TO_DO,
    "If it keeps happening, set a lower limit for this route.",
)
TROUBLE = Remedy.of(
    "The outgoing server reports trouble of its own, or asks to be tried again later.",
    NOTHING_TO_DO,
    "If it goes on for more than a day, show the server's words to the e-mail administrator or the provider's support.",
)
REJECTED = Remedy.of(
    "The server will not take this message, or not for this recipient, and trying again will not help. Its own words, "
    "shown with this failure, say why: correct the address or the message and send it anew.",
)
UNKNOWN_WORDS = Remedy.of(
    "The server refused the login in words that Mailroom does not know, so it is not counted as a wrong password. It is "
    "either the server's own trouble or about user name and password.",
    NOTHING_TO_DO,
    "If it goes on for more than a day, check both.",
)
