"""Where messages lie: folders, labels and flags, and the filters that decide them."""
