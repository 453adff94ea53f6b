"""The bench of the watermark: attacks, presence, payload, false alarms, quality, forgery, removal, attribution."""
