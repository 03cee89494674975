"""The tables that every stage reads and writes, and the jobs that fill them."""
