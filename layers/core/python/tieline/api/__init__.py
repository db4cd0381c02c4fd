"""The REST resources, written once and served by every host."""
