"""`rollbook` whose log nobody follows: what the followers cost a write is measured beside it."""

import api.app
from api.cli import main

setattr(api.app, "followings_of", lambda *_: [])  # noqa: B010  # it is that module's import

if __name__ == "__main__":
    main()
