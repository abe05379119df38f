"""Write the folder of the release at hand, once: `python -m tests.golden VERSION`."""

import sys

from tests.golden.writing import write_release

write_release(sys.argv[1])
