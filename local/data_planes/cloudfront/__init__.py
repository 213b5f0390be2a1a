"""CloudFront on one machine; `edge.create_app` is the entry point."""
