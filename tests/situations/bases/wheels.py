"""Writes wheels of nothing, named like packages that fal, and the images in its documentation, need."""

import os
import sys
import zipfile

# A distribution, its versions, its modules, and what it requires.
PACKAGES = [
    ("pydantic", ["1.10.2", "2.3.0", "2.10.6", "2.12.0"], ["pydantic", "pydantic.main"], []),
    (
        "protobuf",
        ["3.6.0", "4.25.1", "6.33.0"],
        ["google", "google.protobuf", "google.protobuf.descriptor_pb2"],
        [],
    ),
    ("boto3", ["1.35.74", "1.42.0"], ["boto3", "boto3.session"], []),
    ("isolate_proto", ["0.34.5"], ["isolate_proto"], ["protobuf"]),
    ("fal", ["1.82.0", "1.83.0"], ["fal"], ["isolate_proto", "pydantic>=2.5"]),
    # One that gets along with no protobuf that fal takes, and one whose import fails.
    ("boto3", ["1.35.75"], ["boto3", "boto3.session"], ["protobuf<3.20"]),
    ("pydantic", ["2.10.7"], ["pydantic", "pydantic.main"], []),
    # What the templates of fal's documentation install.
    ("torch", ["2.6.0", "2.7.0"], ["torch"], []),
    ("transformers", ["4.51.3"], ["transformers"], ["torch"]),
    ("diffusers", ["0.31.0"], ["diffusers"], []),
    ("accelerate", ["1.6.0"], ["accelerate"], []),
    ("hf_transfer", ["0.1.9"], ["hf_transfer"], []),
    ("peft", ["0.15.0"], ["peft"], []),
    ("sentencepiece", ["0.2.0"], ["sentencepiece"], []),
    ("librosa", ["0.10.1"], ["librosa"], []),
    ("soundfile", ["0.12.1"], ["soundfile"], []),
    ("numpy", ["1.24.3", "2.2.0"], ["numpy"], []),
    ("pandas", ["2.0.3"], ["pandas"], []),
    ("requests", ["2.31.0"], ["requests"], []),
    ("private_package", ["1.0"], ["private_package"], []),
]

folder = sys.argv[1]
os.makedirs(folder)
for name, versions, modules, requires in PACKAGES:
    for version in versions:
        info = f"{name}-{version}.dist-info"
        files = {}
        for module in modules:
            path = module.replace(".", "/")
            is_package = any(other.startswith(module + ".") for other in modules) or "." not in module
            text = f'__version__ = "{version}"\n'
            if version == "2.10.7":
                text += 'raise OSError("libbroken.so.1: cannot open shared object file")\n'
            # A namespace is shared, and has no file of its own.
            if module != "google":
                files[f"{path}/__init__.py" if is_package else f"{path}.py"] = text
        required = "".join(f"Requires-Dist: {other}\n" for other in requires)
        files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{required}"
        files[f"{info}/WHEEL"] = "Wheel-Version: 1.0\nGenerator: wheels.py\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        files[f"{info}/RECORD"] = "".join(f"{file},,\n" for file in [*files, f"{info}/RECORD"])
        with zipfile.ZipFile(f"{folder}/{name}-{version}-py3-none-any.whl", "w") as wheel:
            for file, text in files.items():
                wheel.writestr(zipfile.ZipInfo(file), text)

# The same as an index, for those that name one.
for wheel in sorted(os.listdir(folder)):
    project = wheel.split("-")[0].replace("_", "-")
    os.makedirs(f"{folder}/simple/{project}", exist_ok=True)
    with open(f"{folder}/simple/{project}/index.html", "a") as index:
        index.write(f'<a href="../../{wheel}">{wheel}</a>\n')
