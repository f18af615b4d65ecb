"""`MailAccount`: one mailbox's life."""
