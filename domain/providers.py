"""What is known of the mail providers: their hosts, what to warn of and what to check, as data."""

from __future__ import annotations

from dataclasses import dataclass

from domain.settings import AccountSettings, Provider

Caution = tuple[str, str, tuple[str, ...]]  # code, text, remedies


@dataclass(frozen=True, slots=True)
class Profile:
    """One provider. `hosts` are suffixes of its POP hosts; `checklist` is shown when an account is configured (R51).

    `windowed`: it lists only some of the mailbox at a time, older mail coming into view as the newer is taken.
    """

    name: Provider
    hosts: tuple[str, ...] = ()
    windowed: bool = False
    warnings: tuple[Caution, ...] = ()
    checklist: tuple[str, ...] = ()


PROFILES: dict[Provider, Profile] = {
    profile.name: profile
    for profile in (
        Profile(
            name="google",
            hosts=("gmail.com", "googlemail.com", "google.com"),
            windowed=True,
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
            ),
        ),
        Profile(name="microsoft", hosts=("outlook.com", "office365.com", "hotmail.com", "live.com")),
        Profile(
            name="exchange",
            warnings=(
                (
                    "exchange_marks_read",  # R44, R45
                    "Some versions of Exchange mark mail as read when it is retrieved by POP.",
                    (
                        "Ask the mail administrator whether the vendor's correction is installed.",
                        "Keep this mailbox out of POP and attach single messages by hand.",
                    ),
                ),
            ),
        ),
        Profile(name="yahoo", hosts=("yahoo.com", "yahoo.co.jp", "aol.com", "ymail.com", "turbify.com")),
        Profile(name="zoho", hosts=("zoho.com", "zoho.eu", "zoho.in", "zoho.com.au", "zoho.com.cn", "zoho.jp")),
        Profile(name="generic"),
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
