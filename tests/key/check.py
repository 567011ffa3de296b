"""Checks the vectors of docs/fal-key.md: parts to encoding to key. `python3 check.py vectors.json`"""
import base64, hashlib, json, sys

def sized(data): return b"%d:%s," % (len(data), data)
def field(it): return it.encode() if isinstance(it, str) else base64.b64decode(it["base64"])
def encode(parts):
    records = {b"".join(sized(field(it)) for it in part) for part in parts}
    return sized(b"fal.key/1") + b"".join(sized(record) for record in sorted(records))

for vector in json.load(open(sys.argv[1])):
    encoding = encode(vector["parts"])
    assert encoding == base64.b64decode(vector["encoding"]), vector["what"]
    assert "sha256:" + hashlib.sha256(encoding).hexdigest() == vector["key"], vector["what"]
