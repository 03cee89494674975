"""From two signals to a score: alignment, segments, distance, MOS, and the model files behind them."""
