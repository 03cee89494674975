"""Fill the table `degraded`: degrade, verify, sample conditions, find what remains."""
