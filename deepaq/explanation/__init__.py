"""Explanation of a score: its distance divided by kind of damage, by time and by band."""
