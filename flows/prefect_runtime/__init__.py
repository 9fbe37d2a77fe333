"""What bandcast needs of Prefect: states, forms, run names, events, the server."""
