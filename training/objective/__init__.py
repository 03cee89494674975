"""The objective: losses, their weights, labels of a batch."""
