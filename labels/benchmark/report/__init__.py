"""The report of a benchmark: its content, and the files that show it."""
