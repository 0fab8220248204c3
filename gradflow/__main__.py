"""``python -m gradflow``: the same as the command ``gradflow``."""

from gradflow.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
