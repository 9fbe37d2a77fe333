"""The commands of `bandcast`, by what they are about; `flows.cli` puts them together."""
