"""Statistics of agreement with listeners: correlations, intervals, tests, mappings, reliability."""
