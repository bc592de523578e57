#!/usr/bin/env bash
# One command for a machine with an NVIDIA GPU and no network: builds hipnn-ts from source against
# the torch that is there, runs the GPU tests, times every size, prints a table and writes gpu.json
# (in $OUT where that is set, else benchmarks/results). See README.md beside this.
set -euo pipefail
cd "$(dirname "$0")/../../.."
here=benchmarks/speed/gpu
python=${PYTHON:-python3}
prefix=$(mktemp -d)
out=${OUT:-benchmarks/results}
logs=${OUT:-$prefix}
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
# Built on a like machine, a wheel of hipnn-ts in `carried` saves the minutes of building.
built=("$here"/carried/hipnn_ts-*.whl)
if [ ${#built[@]} -eq 0 ]; then
  CMAKE_BUILD_PARALLEL_LEVEL=$(nproc) "$python" -m pip install -q --no-build-isolation --no-deps \
    --no-compile --ignore-installed --prefix "$prefix" .
fi

# Side by side: none of them measures.
echo "== tests"
gpu_tests() {
  local name=$1 limit=$2 status=0
  shift 2
  timeout "$limit" "$@" -m pytest -q -p no:cacheprovider -m gpu tests/cuda ${selected:-} \
    >"$logs/$name.log" 2>&1 || status=$?
  tail -n 4 "$logs/$name.log"
  echo "$name: exit status $status"
  return $status
}
mkdir -p "$logs"
jobs=()
gpu_tests gpu-tests 240 "$python" & jobs+=($!)
if command -v compute-sanitizer >/dev/null; then
  selected="-k sanitizer"
  for tool in memcheck racecheck; do
    gpu_tests "gpu-$tool" 120 compute-sanitizer --tool "$tool" --error-exitcode 9 "$python" & jobs+=($!)
  done
fi
tests=0
for job in "${jobs[@]}"; do
  wait "$job" || tests=$?
done

echo "== times"
# Its exit status is 1 where a bar was missed, too: the table and gpu.json say which.
timeout 240 "$python" -m benchmarks.speed.gpu.measure --output "$out/gpu.json" || echo "exit status $?"
exit "$tests"
