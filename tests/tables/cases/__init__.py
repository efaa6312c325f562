"""What tables are made of, each case a topic or some of its own."""
