"""Sources: one module per family of datasets, each a declaration as far as it can be."""
