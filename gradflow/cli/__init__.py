"""What the command ``gradflow`` does; nothing else imports it but tests and benchmarks."""
