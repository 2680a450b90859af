"""What systems are compared on: suites of pictures with reference narratives, and the task that asks them."""
