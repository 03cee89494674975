"""Codecs of a data set: one against another, and quality over bitrate."""
