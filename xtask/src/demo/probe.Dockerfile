# What is asked of the finished image.
FROM demo AS probe
USER root
RUN curl --version | head -n 1 > /versions && python >> /versions <<EOF
import sys
from importlib import import_module
from importlib.metadata import version
print("Python", sys.version.split()[0])
for package, module in {"pydantic": "pydantic", "protobuf": "google.protobuf", "boto3": "boto3"}.items():
    import_module(module)
    print(package, version(package))
EOF

FROM scratch
COPY --from=probe /versions /
