"""The development mailboxes: sample mail, and the POP3 and SMTP server that holds it."""
