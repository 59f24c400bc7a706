"""Run the command line as `python -m minigpt4`."""

from minigpt4.cli.main import main

if __name__ == "__main__":
    main()
