"""Started in a finished image as fal's agent is: asks isolate which Python it would run, and has that one import the packages."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent / "site"))
minor, modules = sys.argv[1], sys.argv[2:]

from isolate.backends.container import ContainerizedPythonEnvironment
from isolate.connections._local._base import PythonExecutionBase

PROBE = """
import importlib, os, sys
for module in sys.argv[1:]:
    importlib.import_module(module)
# At once: isolate reads as it comes, and a part of a line is one to it.
os.write(1, " ".join(["found: imports", *sys.argv[1:]]).encode() + b"\\n")
"""


class Probe(PythonExecutionBase):
    def get_python_cmd(self, executable, connection, log_fd, json_logs=False):
        # Told here: isolate hides values of ENV in what the process prints.
        print("found: python", executable, flush=True)
        return [executable, "-c", PROBE, *modules]

    def handle_agent_log(self, line, *, level, source):
        print(line, flush=True)


environment = ContainerizedPythonEnvironment.from_config({"image": {}, "python_version": minor})
with Probe(environment, environment.create()).start_process(None) as process:
    code = process.wait()
sys.exit(code)
