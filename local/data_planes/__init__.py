"""The servers that answer requests on one machine: AppSync, CloudFront and an HTTP API of API Gateway."""
