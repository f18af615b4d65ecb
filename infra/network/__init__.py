"""Where may be connected to, and how HTTP is spoken."""
