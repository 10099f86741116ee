"""The edge: settings, the terminal, the demonstration. Nothing below knows clock, environment or screen."""
