"""Asks the real `fal` which files of the context it finds in Dockerfiles.

    pip install -r tests/inputs/requirements.txt
    python tests/lints/sdk.py FILE...

Prints one JSON list a file, in their order.
"""

import contextlib
import io
import json
import sys

from fal.container import DockerfileParser

for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file, contextlib.redirect_stdout(io.StringIO()):
        sources = DockerfileParser(file.read()).parse_copy_add_sources()
    print(json.dumps(sources))
