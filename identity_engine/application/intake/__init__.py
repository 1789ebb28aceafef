"""From a source to the resolver: files and topics, batch by batch, nothing lost on the way."""
