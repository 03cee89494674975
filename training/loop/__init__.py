"""The training loop: batches, steps, schedule, evaluation, state, processes."""
