"""One command per figure that docs/performance.md quotes."""
