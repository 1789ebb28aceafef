"""What the engine asks of other systems; each port has real adapters under one contract test."""
