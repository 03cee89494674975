"""Comparison of codecs: which is better, by how much and where, with gates for CI."""
