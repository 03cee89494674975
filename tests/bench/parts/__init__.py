"""What scripts of this folder are made of."""
