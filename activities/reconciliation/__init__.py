"""Whether everything is there, and how what is not is mended."""
