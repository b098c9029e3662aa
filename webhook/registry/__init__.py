"""What images say of their own programs: asked of registries, over the OCI distribution API."""
