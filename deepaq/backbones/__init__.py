"""Networks that turn audio into embeddings, behind one contract, and what they are built of."""
