#!/usr/bin/env bash
# One command for a machine with an NVIDIA GPU and no network: builds hipnn-ts from source against
# the torch that is there, runs the GPU tests, times every size, prints a table and writes gpu.json
# (in $OUT where that is set, else benchmarks/results). See README.md beside this.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=benchmarks/gpu
python=${PYTHON:-python3}
prefix=$(mktemp -d)
out=${OUT:-benchmarks/results}
# Beside the packages that are there, not among them: so libraries find each other by this path.
packages=$("$python" -c "import sysconfig; print(sysconfig.get_path('purelib', vars={'base': '$prefix'}))")
torch=$("$python" -c 'import pathlib, torch; print(pathlib.Path(torch.__file__).parent / "lib")')
export PYTHONPATH=$packages PATH=$prefix/bin:$PATH XDG_CACHE_HOME=$prefix/cache
export LD_LIBRARY_PATH=$torch:$prefix/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}

echo "== what is here"
nvidia-smi --query-gpu=name,driver_version --format=csv,noheader
"$python" -c 'import sys, torch; print(sys.version.split()[0], "torch", torch.__version__)'

echo "== build"
shopt -s nullglob
wheels=("$here"/carried/*.whl)
if [ ${#wheels[@]} -gt 0 ]; then
  "$python" -m pip install -q --no-index --no-deps --no-compile --ignore-installed --prefix "$prefix" "${wheels[@]}"
fi
CMAKE_BUILD_PARALLEL_LEVEL=$(nproc) "$python" -m pip install -q --no-build-isolation --no-deps \
  --no-compile --ignore-installed --prefix "$prefix" .

echo "== tests"
tests=0
timeout 240 "$python" -m pytest -q -p no:cacheprovider -m gpu tests/cuda || tests=$?
if command -v compute-sanitizer >/dev/null; then
  for tool in memcheck racecheck; do
    timeout 60 compute-sanitizer --tool "$tool" --error-exitcode 9 \
      "$python" -m pytest -q -p no:cacheprovider -m gpu tests/cuda -k sanitizer || tests=$?
  done
fi

echo "== times"
timeout 240 "$python" "$here/measure.py" --output "$out/gpu.json"
exit "$tests"
