"""Larder, groceries by bicycle: one package a service, and the kit they share."""
