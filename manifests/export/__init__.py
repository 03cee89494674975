"""A data set in the shapes that other tools read."""
