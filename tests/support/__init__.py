"""What tests share: worlds, sounds, people who attack, promises, and where things lie. No test stands here."""
