"""Prints what is below /usr/local but the standard library, as JSON: of each path what has to be the same, whoever installed it.

Of a file that is its mode, its owner and its bytes. But of the script of an entry point it is what it calls, and not how; of any script
the interpreter that its first line means, and not how it is written; and of RECORD each of its rows, and whether it is true.
"""

import base64
import csv
import hashlib
import importlib.metadata
import json
import os
import re
import stat
import sys

TOP = "/usr/local"


def tree():
    scripts = {point.name for kind in ("console_scripts", "gui_scripts") for point in importlib.metadata.entry_points(group=kind)}
    found = {}
    for folder, folders, files in os.walk(TOP):
        if os.path.dirname(folder) == f"{TOP}/lib":
            # Of what Python itself brings there is much, and nobody touches it.
            folders[:], files = [name for name in folders if name.endswith("-packages")], []
        for name in folders + files:
            path = os.path.join(folder, name)
            found[path] = fact(path, scripts)
            if path.endswith(".dist-info/RECORD"):
                found.update(rows(path))
    return found


def fact(path, scripts):
    status = os.lstat(path)
    kind = stat.S_IFMT(status.st_mode)
    what = f"{stat.S_IMODE(status.st_mode):o} {status.st_uid}:{status.st_gid}"
    if kind == stat.S_IFLNK:
        return f"link to {os.readlink(path)}"
    if kind == stat.S_IFDIR:
        return f"folder {what}"
    if kind != stat.S_IFREG:
        return f"special {what}"
    with open(path, "rb") as file:
        content = file.read()
    if path.endswith(".dist-info/RECORD"):
        return f"file {what}"
    if path.endswith(".dist-info/direct_url.json"):
        return f"file {what} {direct_url(content)}"
    if path.startswith(f"{TOP}/bin/") and content.startswith(b"#!"):
        return f"script {what} {script(content, os.path.basename(path) in scripts)}"
    return f"file {what} {digest(content)}"


def digest(content):
    return hashlib.sha256(content).hexdigest()


def direct_url(content):
    """Where a context was mounted is nobody's matter."""
    said = json.loads(content)
    said["url"] = re.sub("^file://.*/", "file:///…/", said["url"])
    return json.dumps(said, sort_keys=True)


def script(content, is_launcher):
    first, _, rest = content.partition(b"\n")
    interpreter, *words = os.fsdecode(first[2:]).split()
    begins = " ".join([os.path.realpath(interpreter), *words])
    text = os.fsdecode(rest)
    imported = re.search(r"^from (\S+) import (\S+)$", text, re.MULTILINE)
    called = re.search(r"sys\.exit\((\S+)\(\)\)", text)
    if is_launcher and imported and called:
        return f"{begins} calls {called[1]} of {imported[1]}"
    return f"{begins} {digest(rest)}"


def rows(path):
    site = os.path.dirname(os.path.dirname(path))
    with open(path, newline="", encoding="utf-8") as file:
        for name, sum, size in csv.reader(file):
            target = os.path.normpath(os.path.join(site, name))
            yield f"{path}: {target}", row(target, sum, size)


def row(target, sum, size):
    if not os.path.exists(target):
        return "is not there"
    if not sum and not size:
        return "without a sum"
    algorithm, _, wanted = sum.partition("=")
    with open(target, "rb") as file:
        content = file.read()
    found = base64.urlsafe_b64encode(hashlib.new(algorithm, content).digest()).decode().rstrip("=")
    return "true" if (found, str(len(content))) == (wanted, size) else f"another: {sum} {size}"


json.dump(tree(), sys.stdout, sort_keys=True)
