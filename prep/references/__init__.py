"""Fill the table `references`: cut clips and write them."""
