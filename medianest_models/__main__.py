"""The command `medianest`, as `python -m medianest_models`."""

from medianest_models.cli import main

if __name__ == "__main__":
    main()
