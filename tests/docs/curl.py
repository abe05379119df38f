"""What the guides use of curl, for a machine that has none. Refuses every option it does not know.

Run as `python -m tests.docs.curl`; exits 22 on an HTTP error, as `curl --fail-with-body` does.
"""

import argparse
import sys
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Sequence
from urllib.parse import quote

_HTTP_ERROR = 22


def request_of(arguments: Sequence[str]) -> urllib.request.Request:
    """The request that the arguments of curl ask for."""
    parser = argparse.ArgumentParser(prog="curl", allow_abbrev=False)
    parser.add_argument("-s", "-S", "-sS", action="store_true")
    parser.add_argument("-G", dest="get", action="store_true")
    parser.add_argument("-X", dest="method")
    parser.add_argument("-u", dest="user")
    parser.add_argument("-H", dest="headers", action="append", default=[])
    parser.add_argument("-d", dest="data", action="append", default=[])
    parser.add_argument("--data-urlencode", dest="data", action="append", type=_encoded)
    parser.add_argument("url")
    asked = parser.parse_args(arguments)
    data = "&".join(asked.data)
    url = f"{asked.url}?{data}" if asked.get and data else asked.url
    body = None if asked.get or not data else data.encode()
    headers = dict(header.split(": ", 1) for header in asked.headers)
    if body is not None:
        headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
    if asked.user:
        headers["Authorization"] = "Basic " + b64encode(asked.user.encode()).decode()
    return urllib.request.Request(url, body, headers, method=asked.method)


def _encoded(text: str) -> str:
    name, _, value = text.partition("=")
    return f"{name}={quote(value, safe='')}"


def main() -> int:
    """Send the request of the command line and print the body of its answer."""
    try:
        with urllib.request.urlopen(request_of(sys.argv[1:])) as answer:
            sys.stdout.write(answer.read().decode())
    except urllib.error.HTTPError as error:
        sys.stdout.write(error.read().decode())
        return _HTTP_ERROR
    return 0


if __name__ == "__main__":
    sys.exit(main())
