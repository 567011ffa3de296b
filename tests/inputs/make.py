"""Asks the real `fal`, and writes down what it says.

    pip install -r tests/inputs/requirements.txt
    python tests/inputs/make.py [FOLDER]

`container-image/*/image.json` is what the SDK's `ContainerImage.to_dict()` gives for images of every kind; `pyproject/*/fal` is what
fal's own tool says of the `pyproject.toml` beside it.  No secret is in any of them: a value is
`$NAME`, or the word canary.
"""

import contextlib
import io
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

from fal import project
from fal.cli._utils import get_app_data_from_toml
from fal.container import ContainerImage

SMALL = "FROM python:3.11-slim\nRUN echo made\n"

COPIES = """\
# syntax=docker/dockerfile:1
ARG VERSION=3.10
FROM python:${VERSION}-slim AS tools
RUN echo tools > /tools
FROM tools
COPY --from=tools /tools /copied
COPY src/ /app/
RUN --mount=type=secret,id=pip_token,env=TOKEN test -n "$TOKEN"
ENTRYPOINT ["python"]
CMD ["-V"]
"""

PATTERNS = [
    "/build", "data/", "a/**/b", "docs/*", "*.py[cod]", "log?.txt", "**/cache", "deep/**", "!README.md", r"\#x",
    "with space", "[*]", "./never",
]

IMAGES = {
    "small": dict(),
    "arguments": dict(
        text=COPIES,
        build_args={"VERSION": "3.11"},
        secrets={"pip_token": "$MY_PIP_TOKEN"},
        registries={
            "https://index.docker.io/v1/": {"username": "myuser", "password": "$DOCKERHUB_TOKEN"},
            "us-central1-docker.pkg.dev": {"username": "_json_key_base64", "password": "$GOOGLE_AR_JSON_BASE64"},
        },
        dockerignore=["*.pyc", ".env"],
    ),
    "patterns": dict(text="FROM busybox\nCOPY . /app/\n", dockerignore=PATTERNS),
    "nothing-ignored": dict(text="FROM busybox\nCOPY . /app/\n", dockerignore=[]),
    "server": dict(use_isolate=False, entrypoint=["python", "-m", "http.server"], cmd="8000"),
    "isolate": dict(use_isolate=True, cmd=[]),
    "command": dict(text='FROM python:3.11-slim\nENTRYPOINT ["a"]\nCMD ["b"]\n', entrypoint="exec serve"),
    "packed": dict(compression="zstd", force_compression=True, builder="worker"),
    "options": dict(text="# fal: runtime=pins mode=app\n" + SMALL, use_isolate=False),
    "other-syntax": dict(text="# syntax=example/other\n" + SMALL),
    "literal-secret": dict(secrets={"fine": "$FINE", "pip_token": "canary-in-a-secret"}),
    "literal-password": dict(registries={"ghcr.io": {"username": "me", "password": "canary-in-a-password"}}),
    "escaped-dollar": dict(secrets={"pip_token": "$$canary"}),
}


def container_images(folder: Path) -> None:
    for name, wanted in IMAGES.items():
        wanted = dict(wanted)
        text = wanted.pop("text", SMALL)
        with tempfile.TemporaryDirectory() as empty, contextlib.redirect_stderr(io.StringIO()):
            image = ContainerImage.from_dockerfile_str(text, context_dir=Path(empty), **wanted).to_dict()
        image["docker_context_dir"] = "/home/user/project"
        case = folder / name
        case.mkdir(parents=True, exist_ok=True)
        (case / "image.json").write_text(json.dumps(image))


def said_of(case: Path) -> str:
    """What fal's own tool says of an app."""
    options = case / "options"
    target = options.read_text().strip().removeprefix("target=") if options.exists() else "my-app"
    start = os.getcwd()
    with tempfile.TemporaryDirectory() as empty:
        root = Path(empty).resolve() / "project"
        shutil.copytree(case, root)
        (root / "fal").unlink(missing_ok=True)
        for cached in (project._load_toml, project._cached_resolve, project.find_project_root):
            cached.cache_clear()
        os.chdir(root)
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                data = get_app_data_from_toml(target)
        except Exception as error:
            return f"refused {error}\n".replace(str(root) + "/", "")
        finally:
            os.chdir(start)
    environment = data.options.environment
    image = environment.get("image")
    if image:
        image.pop("docker_context_dir", None)
        image.pop("docker_ignore", None)
    return f"accepted {json.dumps(environment)}\n"


def main(folder: Path) -> None:
    container_images(folder / "container-image")
    for case in sorted((Path(__file__).parent / "pyproject").iterdir()):
        written = folder / "pyproject" / case.name
        written.mkdir(parents=True, exist_ok=True)
        (written / "fal").write_text(said_of(case))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
