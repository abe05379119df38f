"""A SQLite file of every release, with what it answered; every later release has to open it.

`<version>/` holds `rollbook.db.gz` (the file as the release left it), `rollbook.key.txt` (its key
file) and `answers.json` (the instant it was written at, a token, and the JSON body of each address
asked). Nothing of it is ever edited. CONTRIBUTING.md says how a release adds its own.
"""
