"""Messages that people have as files: `python -m activities.attach`."""
