"""What every Larder service shares: start-up, logs, metrics, calls to peers, connection pools."""
