"""Raters: the contract, and one file or folder for each."""
