"""The commands, the terminal and the door: they alone read clock, environment and terminal."""
