"""What is no CPU card: how its content becomes a number or an identity, and the port that has all such readers."""
