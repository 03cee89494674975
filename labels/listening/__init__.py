"""Listening tests as they are distributed: one file per format, found through one registry."""
