"""``python -m api.cli`` is ``rollbook``."""

from api.cli import main

# Workers are spawned: each imports this module again, under another name.
if __name__ == "__main__":
    main()
