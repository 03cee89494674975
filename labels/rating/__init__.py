"""The stage that rates the pairs of a data set, and its job."""
