"""Types and files that every other package builds on: spaces, sequences, options, labels, files. No torch."""
