"""The ports filled in, each named technology + port."""
