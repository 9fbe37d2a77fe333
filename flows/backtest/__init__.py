"""`bandcast backtest`: the walk over history, its files, its processes and its printed scorecard."""
