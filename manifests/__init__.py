"""Tables of a data set that every stage reads and writes, and the jobs that fill them."""
