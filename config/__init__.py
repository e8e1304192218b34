"""Settings from the environment; policies from TOML."""
