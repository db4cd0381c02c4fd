#!/bin/sh
# Compiles a layer to bytecode that is used without looking at the sources' times: those are lost
# in the zip file. Needs the functions' own version of Python; without one the layer works as
# well, with a slower first start.
set -eu
target=$1
find "$target" -name __pycache__ -type d -prune -exec rm -rf {} +
kept=$(command -v pyenv >/dev/null && ls -d "$(pyenv root)"/versions/3.13*/bin/python3.13 || true)
for python in ${PYTHON313:-} python3.13 $kept; do
  # A name may stand for nothing: a shim, or a version that was removed.
  if "$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null; then
    exec "$python" -m compileall -q -j 0 --invalidation-mode unchecked-hash \
      -s "$target" -p /opt/python "$target"
  fi
done
echo "note: no python3.13 here; the layer is built without bytecode" >&2
