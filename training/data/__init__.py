"""Training data: the table of rows, labels and their scales, the audio cache."""
