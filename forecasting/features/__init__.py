"""Features: daily returns, trailing windows and the functions that reduce them."""
