"""Messages that people have as files: `mailroom attach`."""
