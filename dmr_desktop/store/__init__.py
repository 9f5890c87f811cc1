"""Models on disk: OCI layout, content addressed; synchronous."""
