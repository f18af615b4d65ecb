"""What an authorisation server knows, with the methods by which authlib asks for it: a client, tokens and codes."""

from __future__ import annotations

import time
from dataclasses import dataclass

SCOPE = "mail offline_access"
OWNER = "jane@example.com"


@dataclass
class RegisteredClient:
    """An application; `secret` None: a public one."""

    client_id: str = "mailroom"
    secret: str | None = "client-s3cret-of-Mailroom"
    redirects: tuple[str, ...] = ("http://127.0.0.1", "http://localhost")

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> None:
        return None

    def get_allowed_scope(self, scope: str | None) -> str | None:
        asked = set((scope or SCOPE).split())
        return " ".join(sorted(asked)) if asked <= set(SCOPE.split()) else None

    def check_redirect_uri(self, uri: str) -> bool:
        return uri.rpartition(":")[0] in self.redirects  # RFC 8252, section 7.3: any port

    def check_client_secret(self, secret: str) -> bool:
        return secret == self.secret

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return (method == "none") == (self.secret is None)

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return True


@dataclass
class Token:
    """What was issued, for whom."""

    access_token: str
    refresh_token: str | None
    scope: str
    client_id: str
    user: str
    expires_at: float
    revoked: bool = False

    def check_client(self, client: RegisteredClient) -> bool:
        return self.client_id == client.client_id

    def get_scope(self) -> str:
        return self.scope

    def get_expires_in(self) -> int:
        return int(self.expires_at - time.time())

    def is_expired(self) -> bool:
        return time.time() >= self.expires_at

    def is_revoked(self) -> bool:
        return self.revoked

    def get_user(self) -> str:
        return self.user


@dataclass
class Code:
    """An authorisation code that waits to be exchanged."""

    code: str
    redirect_uri: str
    scope: str
    code_challenge: str
    code_challenge_method: str

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope
