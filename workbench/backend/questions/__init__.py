"""What can be asked of the engine process: one file a family, plain data, no heavy imports."""
