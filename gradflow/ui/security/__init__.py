"""What is refused, and what every answer says about itself, whoever asks."""
