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
# Where the interpreter looks: of Debian's branches the one for virtual environments stays.
replace(
    "site.py",
    r"            if is_virtual_environment:\n"
    r"                (sitepackages.append\(.*?\"site-packages\"\)\)\n)"
    r"            sitepackages.append\(.*?(?=        else:\n)",
    r"            \1",
)
# The file's first words tell of Debian's folders too, and who reads it would believe them.
replace("site.py", r"\n\nFor Debian and derivatives.*?(?=\n\n)", "")
replace("site.py", r"lib/python3/dist-packages", "lib/python<version>/site-packages")
assert "dist-packages" not in (LIBRARY / "site.py").read_text()

# The interpreter does not read this file, but has Debian's compiled in: the same again, later.
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
