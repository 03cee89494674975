"""Limits on what a data set from elsewhere may hold."""
