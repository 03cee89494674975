"""Exports of a data set for other tools."""
