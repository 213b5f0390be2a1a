"""What this project installs and deploys from others: published vulnerabilities, the bill of materials, licences."""
