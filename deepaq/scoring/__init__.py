"""Scoring of signals: segments, distance, MOS, and the files of models."""
