"""Endless streams: one score per window, in constant memory."""
