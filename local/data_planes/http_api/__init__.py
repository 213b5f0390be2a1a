"""The data plane of an API Gateway HTTP API on one machine."""
