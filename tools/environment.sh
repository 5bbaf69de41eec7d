#!/bin/sh
# Make or complete the environment: sh tools/environment.sh EXTRA   (EXTRA is lab or dev)
#
#   PYTHON   the interpreter to build on (python3); it must be 3.10 or newer
#   VENV     where the environment lies (.venv); one that is there is kept and completed
#   TORCH    cpu takes PyTorch's small CPU build on Linux; empty takes the default one
#
# uv does the work where it is on the path, pip otherwise.
set -eu
extra=${1:?usage: sh tools/environment.sh lab, or dev}
venv=${VENV:-.venv}
python=${PYTHON:-python3}
torch=${TORCH:-}
here=$venv/bin/python
cpu_builds=https://download.pytorch.org/whl/cpu

stop() { printf '%s\n' "$*" >&2; exit 1; }
new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; }

case $torch in
    ''|cpu) ;;
    *) stop "TORCH is $torch; leave it out for PyTorch's default build, or say TORCH=cpu." ;;
esac

if [ -x "$here" ]; then
    new_enough "$here" || stop "$venv holds $("$here" --version 2>&1), and the kit needs Python 3.10 or newer.
Remove it (make clean) and run this again with a newer one, as in: make lab PYTHON=python3.12"
else
    if ! new_enough "$python"; then
        found=$("$python" --version 2>&1) || found="no such command"
        stop "PYTHON is $python ($found), and the kit needs Python 3.10 or newer.
Install one from python.org, Homebrew or your system's packages, then name it: make lab PYTHON=python3.12"
    fi
    if command -v uv >/dev/null; then
        uv venv --seed --python "$python" "$venv"
    elif ! "$python" -m venv "$venv"; then
        rm -rf "$venv"
        stop "$python cannot make an environment. On Debian and Ubuntu: sudo apt install python3-venv"
    fi
fi

if command -v uv >/dev/null; then
    uv pip install --python "$here" ${torch:+--torch-backend "$torch"} \
        --constraint constraints.txt --editable ".[$extra]"
else
    "$here" -m pip --version >/dev/null 2>&1 || "$here" -m ensurepip
    # The pip that comes with an older Python cannot install a pyproject.toml editably.
    "$here" -m pip install --quiet --disable-pip-version-check --upgrade pip
    "$here" -m pip install --disable-pip-version-check ${torch:+--extra-index-url "$cpu_builds"} \
        --constraint constraints.txt --editable ".[$extra]"
fi

[ -f "$venv/share/jupyter/kernels/python3/kernel.json" ] ||
    stop "$venv has no Jupyter kernel although ipykernel was asked for; remove it (make clean) and run this again."
