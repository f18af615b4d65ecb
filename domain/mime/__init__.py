"""The grammar of mail: MIME, charsets, dates, addresses, Message-IDs."""
