"""Readers of listening tests as distributed: one file per format, found through one registry."""
