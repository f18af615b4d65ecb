"""Which messages belong to which records, now and whenever either changes."""
