"""The model: network, training, residuals, simulation and the stored artifact."""
