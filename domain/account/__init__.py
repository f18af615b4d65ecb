"""The life of an account: commands, events, what follows, and what people see of it."""
