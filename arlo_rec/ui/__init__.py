"""The edge of the program: settings, the terminal, the demonstration. Only it reads clock, environment and terminal."""
