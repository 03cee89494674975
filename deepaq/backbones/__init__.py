"""Networks that turn audio into embeddings, their contract and their parts."""
