"""Anything that rates (reference, degraded) pairs, and the job that rates a whole data set."""
