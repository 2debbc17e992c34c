"""Images on disk and what becomes of them before the network sees them."""
