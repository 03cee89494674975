"""Results of a run: folder, card, report, export, comparison."""
