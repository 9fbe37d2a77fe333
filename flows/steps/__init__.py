"""Steps that several flows share: fetch, one verb of the core, save."""
