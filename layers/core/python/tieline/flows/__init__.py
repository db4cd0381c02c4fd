"""How flows are called, recorded and limited, without any input or output."""
