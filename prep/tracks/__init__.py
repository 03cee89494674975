"""Fill the table `tracks`: corpora, survey, fingerprints, admission and exclusion."""
