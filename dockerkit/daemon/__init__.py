"""The right tower: what does the work. Reached through the Engine API only; never imports client, cli, notebook or testing."""
