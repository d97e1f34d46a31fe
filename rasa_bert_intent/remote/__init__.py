"""Shared serving: many bots ask one server. `client` and `protocol` need no Ray, `server` and `deployment` do."""
