"""Reports: notebooks with typed parameters, run, proved, recorded and turned into pages."""
