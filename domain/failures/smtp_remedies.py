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
NO_STARTTLS = Remedy.of(
    "The outgoing server does not offer STARTTLS at this port, or something on the way takes the offer out. Nothing was "
    "sent, for it would have gone in clear text. Set the route to the port and the encryption that the provider documents "
    f"(587 with STARTTLS, or 465 with implicit TLS). {_LOOKS}",
)
INJECTED = Remedy.of(
    "Behind the outgoing server's consent to STARTTLS came more text that was not encrypted: either the server is broken, or "
    "somebody on the way slips words of his own into the connection. The session was ended before anything was sent.",
    NOTHING_TO_DO,
    "If it goes on, show this to the e-mail administrator, and use port 465 with implicit TLS where that is offered.",
)
TURNED_AWAY = Remedy.of(
    "The outgoing server turns Mailroom away before any login, most often because of the address that Mailroom connects "
    "from. Its own words, shown with this failure, say why: show them to the e-mail administrator or the provider's "
    f"support. {_LOOKS}",
)
OWN_MAILBOX_FULL = Remedy.of(
    "The sender's own mailbox is full, so the provider takes no mail from it. Make room in it, also in its Sent and Trash "
    f"folders. {_LOOKS}",
)
NEEDS_SMTPUTF8 = Remedy.of(
    "An address of this message has letters before the @ that only servers with SMTPUTF8 pass on, and the outgoing server "
    "does not offer that. Send it to another address of the recipient, or by another route.",
)
TOO_LARGE = Remedy.of(
    "The message is larger than the outgoing server takes. Send less with it, or a link to what was to be attached.",
)
DOUBT = Remedy.of(
    "The message was handed over whole, and then no answer came that could be read: the server may have accepted it or not. "
    "It is not sent again by itself, lest anybody get it twice. What proves that it was sent (a copy, a reply, a bounce) "
    "settles it; otherwise say what happened with resolve.",
)
