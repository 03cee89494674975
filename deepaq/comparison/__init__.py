"""Comparison of codecs: is B better than A, by how much, where, and may it ship?"""
