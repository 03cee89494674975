"""What a run leaves: folder, card, report, export, comparison."""
