"""The networks and their objective: tensors in, tensors out, no files."""
