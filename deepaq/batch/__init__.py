"""Many files at once: pairs from folders and lists, parallel runs, timelines, embeddings."""
