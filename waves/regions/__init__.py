"""One region at a time: its update, drift, fitness, new stack file, and its place in CI's jobs."""
