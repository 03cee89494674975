"""One self-contained HTML page about a data set: its labels, their saturation, clips to hear, failures, provenance."""
