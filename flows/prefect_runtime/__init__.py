"""The Prefect side of flows: parameters, states, time limits, run names, events, server."""
