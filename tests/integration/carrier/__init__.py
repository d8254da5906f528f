"""The carrier simulator over real HTTP, with the official SDKs."""
