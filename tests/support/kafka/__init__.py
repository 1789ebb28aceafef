"""Kafka for tests: a real broker where Java and Maven are, else the mock cluster of librdkafka."""
