#!/usr/bin/env bash
# inside.sh ROOT COMMAND...: run a command in a chroot, in the current folder, which must be in the source tree or
# in /tmp. Both folders, and the network's settings, are shared with the chroot until the command ends.
set -euo pipefail
if [ "$1" != --mounted ]; then
  exec unshare --mount "$0" --mounted "$@"
fi
shift
root=$1
shift
source=$(cd "$(dirname "$0")/../.." && pwd)

for path in /proc /sys /dev /tmp "$source"; do
  mkdir -p "$root$path"
  mount --rbind "$path" "$root$path"
done
for file in /etc/resolv.conf /etc/ssl/certs/ca-certificates.crt; do
  if [ -e $file ]; then
    mkdir -p "$(dirname "$root$file")"
    touch "$root$file"
    mount --bind $file "$root$file"
  fi
done

export PATH=/venv/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_mpi_yield_when_idle=1 # ranks that wait leave the cores to others
for folder in "$root"/venv/lib/python3*/site-packages/hipnn_ts/lib; do
  export LAMMPS_PLUGIN_PATH=${folder#"$root"}
done
unset LD_LIBRARY_PATH LD_PRELOAD PYTHONPATH
exec chroot "$root" bash -c 'cd "$0" && exec "$@"' "$PWD" "$@"
