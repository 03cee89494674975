"""Codecs, and the programs that run them."""
