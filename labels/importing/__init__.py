"""Import of listening tests and ratings into a data set."""
