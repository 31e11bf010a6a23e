"""What an allocation does to the venue and to its accounts."""
