"""The key, the caller's headers and a proxy's password: one canary each, searched for wherever traces may be left."""
