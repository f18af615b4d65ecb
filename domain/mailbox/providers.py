"""What is known of the mail providers: their hosts, limits and habits, what to warn of and what to check, as data."""

from __future__ import annotations

from dataclasses import dataclass

from domain.mailbox.settings import AccountSettings, Provider

Caution = tuple[str, str, tuple[str, ...]]  # code, text, remedies

DELETES = (
    "Mail is deleted from the server once it is stored here: it is gone there for good, for every other program that "
    "reads this mailbox too."
)
MARKS_READ: Caution = (
    "exchange_marks_read",  # R44, R45
    "Some versions of Exchange mark mail as read when it is retrieved by POP.",
    (
        "Ask the mail administrator whether the vendor's correction is installed.",
        "Keep this mailbox out of POP and attach single messages by hand: `mailroom attach ADDRESS FILE.eml`.",
    ),
)

EXCHANGE_GREETING = "Microsoft Exchange POP3 service is ready"  # no host tells an Exchange of one's own


@dataclass(frozen=True, slots=True)
class Profile:
    """One provider. `hosts` are suffixes of its POP hosts; `checklist` is shown when an account is configured (R51).

    `least_interval_minutes` is the shortest pause between two sessions that the provider puts up with, `daily_bytes` what
    it hands out by POP in 24 hours, `deletion` what deleting on its server does (R63). A provider with a `queue_size` shows
    a queue and no maildrop: no more than a part of the mail, of which each session takes what it retrieved away; that many
    messages are a full one. `recent_mode` tells whether `recent:` before the user name means something there (R67).
    """

    name: Provider
    hosts: tuple[str, ...] = ()
    warnings: tuple[Caution, ...] = ()
    checklist: tuple[str, ...] = ()
    least_interval_minutes: int = 0
    daily_bytes: int | None = None
    deletion: str = DELETES
    queue_size: int | None = None
    recent_mode: bool = False


PROFILES: dict[Provider, Profile] = {
    profile.name: profile
    for profile in (
        Profile(
            name="google",
            hosts=("gmail.com", "googlemail.com", "google.com"),
            checklist=(
                "In Gmail, under Settings > Forwarding and POP/IMAP, enable POP for all mail, or for mail from now on.",
                (
                    "With 2-step verification, create an app password and store it in the vault; the account's own password "
                    "is refused."
                ),
                "For a Workspace address, ask the administrator whether POP is allowed for the organisation.",
                (
                    "If Google locks the mailbox after a first login, its owner unlocks it at "
                    "https://accounts.google.com/DisplayUnlockCaptcha (Google's legacy page)."
                ),
                (
                    "Let no other program read this mailbox by POP, or use recent mode: what one program takes, the others "
                    "never see."
                ),
            ),
            daily_bytes=1_250_000_000,  # support.google.com/a/answer/1359240
            deletion=(
                "Mail is deleted from Gmail's POP queue once it is stored here, and from the queue only: what becomes of the "
                "message in Gmail (kept, marked as read, archived or deleted) is what Gmail's own setting says, under "
                "Settings > Forwarding and POP/IMAP > When messages are accessed with POP."
            ),
            queue_size=50,
            recent_mode=True,
        ),
        Profile(
            name="microsoft",
            hosts=("outlook.com", "office365.com", "outlook.cn", "hotmail.com", "live.com", "msn.com"),
            warnings=(MARKS_READ,),
            checklist=(
                (
                    "Outlook.com, Hotmail and Live: passwords and app passwords are refused; connect by OAuth 2 (auth: "
                    "xoauth2)."
                ),
                "Outlook.com: enable POP under Settings > Mail > Forwarding and IMAP (Sync email).",
                "Microsoft 365: the administrator enables POP for the mailbox (Set-CASMailbox -PopEnabled $true).",
                "Microsoft 365: basic authentication is off; connect by OAuth 2, or ask the administrator.",
            ),
            deletion=(
                "Mail is deleted from the server once it is stored here. Outlook.com does so only where its settings let "
                "programs delete messages (Settings > Mail > Forwarding and IMAP); otherwise it moves the mail to a folder "
                "of its own."
            ),
        ),
        Profile(
            name="exchange",
            warnings=(MARKS_READ,),
            checklist=(
                "Ask the mail administrator whether the POP3 service runs and POP is enabled for this mailbox.",
                "Ask for exact sizes (Set-CASMailbox -PopEnableExactRFC822Size $true): otherwise Exchange estimates them.",
                "If logins are refused for too many connections, the limits are those of Set-PopSettings.",
            ),
            deletion=(
                "Mail is deleted from the server once it is stored here, unless the administrator has turned that off "
                "(PopMessageDeleteEnabled): then Exchange answers that it has deleted, and keeps the mail, which is not "
                "fetched again."
            ),
        ),
        Profile(
            name="yahoo",
            hosts=("yahoo.com", "yahoo.co.jp", "aol.com", "ymail.com", "turbify.com"),
            checklist=(
                (
                    "Create an app password under Account security and store it in the vault; the account's own password is "
                    "refused."
                ),
                "Let no other program hold a POP session with this mailbox: one at a time is allowed.",
                "Yahoo takes one session every 10 minutes: a shorter interval is lengthened to that.",
            ),
            least_interval_minutes=10,
        ),
        Profile(
            name="zoho",
            hosts=("zoho.com", "zoho.eu", "zoho.in", "zoho.com.au", "zoho.com.cn", "zoho.jp"),
            checklist=(
                "Enable POP under Settings > Mail accounts > POP access; Zoho's free plan has none.",
                "With two-factor authentication, create an app password and store it in the vault.",
                (
                    "Zoho blocks those who look too often for a while: an interval of less than 5 minutes is lengthened to "
                    "that."
                ),
            ),
            least_interval_minutes=5,
        ),
        Profile(
            name="generic",
            checklist=(
                (
                    "Many providers have POP turned off until it is enabled in the web settings (GMX, Web.de, 163, 126 and QQ "
                    "among them), and some then give out a password of its own for mail programs."
                ),
                "Let no other program hold a POP session with this mailbox at the same time: most servers allow one.",
            ),
        ),
    )
}


def profile_of(settings: AccountSettings) -> Profile:
    """The account's profile: the one it names, or else the one its host belongs to."""
    if settings.provider is not None:
        return PROFILES[settings.provider]
    host = settings.incoming.host
    for profile in PROFILES.values():
        if any(host == suffix or host.endswith("." + suffix) for suffix in profile.hosts):
            return profile
    return PROFILES["generic"]
