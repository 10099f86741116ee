"""Speech recognition and the name model in confined child processes, with checked answers."""
