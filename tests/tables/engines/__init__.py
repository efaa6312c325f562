"""Readers of tables, each an engine of its own: `name`, `rows(table)` as dictionaries, `count(table)` by the engine's own counting."""
