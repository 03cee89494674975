"""Manifests -> a fine-tuned metric."""
