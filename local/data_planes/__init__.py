"""The servers of one deployed stack: AppSync, CloudFront and an HTTP API of API Gateway, on one machine."""
