"""OAuth 2: access tokens for mailboxes, renewed and kept in the vault, and the command that connects a mailbox."""
