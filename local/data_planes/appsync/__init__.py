"""AppSync's data plane on one machine; `app.create_app` is the entry point."""
