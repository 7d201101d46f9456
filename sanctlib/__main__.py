"""The command line as `python -m sanctlib`."""

from sanctlib.cli import main

if __name__ == "__main__":
    main(prog_name="sanctlib")
