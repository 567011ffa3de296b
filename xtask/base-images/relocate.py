"""Copies Debian's Python 3.11 into /out/usr/local, without Debian's install layout."""

import pathlib
import re
import shutil

ROOT = pathlib.Path("/out/usr/local")
LIBRARY = ROOT / "lib/python3.11"


def replace(file, pattern, replacement):
    """Changes exactly one place, or stops: a new Debian release may look different."""
    path = LIBRARY / file
    text, count = re.subn(pattern, replacement, path.read_text(), flags=re.DOTALL)
    assert count == 1, f"{file}: {count} places match {pattern}"
    path.write_text(text)


shutil.copytree("/usr/lib/python3.11", LIBRARY, symlinks=False, ignore_dangling_symlinks=True)
for name in ["EXTERNALLY-MANAGED", "sitecustomize.py"]:
    (LIBRARY / name).unlink()
(LIBRARY / "site-packages").mkdir()
shutil.rmtree(LIBRARY / "dist-packages", ignore_errors=True)

# Where pip and setuptools install to.
replace("sysconfig.py", r"prefix_scheme = 'posix_local'", "prefix_scheme = 'posix_prefix'")
# Where the interpreter looks. Debian's answer is compiled into it.
(LIBRARY / "sitecustomize.py").write_text(
    """import site
import sys

if sys.prefix == sys.base_prefix:
    packages = f"{sys.prefix}/lib/python3.11/site-packages"
    site.getsitepackages = lambda prefixes=None: [packages]
    site.addsitedir(packages)
"""
)

binaries = ROOT / "bin"
binaries.mkdir()
shutil.copy("/usr/bin/python3.11", binaries)
for name in ["python", "python3"]:
    (binaries / name).symlink_to("python3.11")
