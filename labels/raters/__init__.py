"""Raters: their contract, and one file or folder for each."""
