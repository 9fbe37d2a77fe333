"""The core: a price frame goes in, a forecast comes out, and nothing in between touches the world."""
