# Byte code of all modules below LAYER, where OUT has the same paths; MOST processes at once (byte_code.rs says why processes).
import sys
sys.path[:] = filter(None, sys.path)
import gc, importlib.util, marshal, os
sys.pycache_prefix = None
layer, out, most = sys.argv[1], sys.argv[2], int(sys.argv[3])


def modules():
    for folder, folders, files in os.walk(layer):
        folders[:] = sorted(name for name in folders if name != '__pycache__')
        for name in sorted(files):
            if name.endswith('.py') and name != '.py':
                yield os.path.join(folder, name)


def make(path):
    with open(path, 'rb') as file:
        source = file.read()
    module = path[len(layer):]
    try:
        code = compile(source, module, 'exec', dont_inherit=True)
    except Exception:
        return 1
    made = out + importlib.util.cache_from_source(module)
    os.makedirs(os.path.dirname(made), exist_ok=True)
    with open(made, 'xb') as file:
        # PEP 552: it goes by a hash of its source, and nobody looks at it.
        file.write(importlib.util.MAGIC_NUMBER + b'\1\0\0\0' + importlib.util.source_hash(source) + marshal.dumps(code))
    return 0


running = {}
ended = [0, 0]


def wait():
    process, status = os.wait()
    path = running.pop(process)
    if status not in (0, 1 << 8):
        sys.exit('no byte code of %s could be written (status %d)' % (path[len(layer):], status))
    ended[status != 0] += 1


gc.collect()
gc.disable()
for path in modules():
    if len(running) == most:
        wait()
    process = os.fork()
    if process == 0:
        code = 2
        try:
            code = make(path)
        finally:
            os._exit(code)
    running[process] = path
while running:
    wait()
print('fal:{"made":%d,"left":%d}' % tuple(ended))
