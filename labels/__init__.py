"""Raters of (reference, degraded) pairs, the job that rates a data set, listening tests and the benchmark."""
