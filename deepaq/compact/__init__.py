"""The compact network as functions of arrays: NumPy to score without torch, torch to train."""
