"""What is kept of an account's mailbox: lease, ledger, state, quarantine, hosts, policy."""
