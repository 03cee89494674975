"""Comparison of raters with listeners, under stated protocols."""
