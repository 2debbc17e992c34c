# Shared by scripts/demo and scripts/test: finds a Python, makes a virtual
# environment in the checkout and installs into it only when something changed.
# Sourced, never run. Proxies, mirrors and caches come from pip's own settings
# and environment variables, which are left alone.

# TensorFlow 2.21 has builds for these versions and no others.
oldest=11
newest=13

fail() {
    printf '%s: %s\n' "$0" "$1" >&2
    shift
    [ $# -eq 0 ] || printf '  %s\n' "$@" >&2
    exit 2
}

# Prints "3.11" for a command that is a Python, nothing for anything else.
python_version() {
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || true
}

is_supported() { # VERSION
    case $1 in
    3.*) [ "${1#3.}" -ge $oldest ] && [ "${1#3.}" -le $newest ] ;;
    *) return 1 ;;
    esac
}

# Sets $python to the first suitable interpreter, or explains what is wrong.
find_python() {
    local candidate version seen=""
    local candidates=(python3 python3.13 python3.12 python3.11 python)
    [ -z "${PYTHON:-}" ] || candidates=("$PYTHON")
    for candidate in "${candidates[@]}"; do
        version=$(python_version "$candidate")
        [ -n "$version" ] || continue
        seen="$seen $candidate=$version"
        is_supported "$version" || continue
        "$candidate" -c 'import ensurepip, venv' 2>/dev/null || fail \
            "$candidate is Python $version, but its venv module is missing." \
            "Debian, Ubuntu: sudo apt install python$version-venv" \
            "Or name another interpreter: PYTHON=/path/to/python3.11 $0"
        python=$candidate
        return
    done
    fail "Python 3.$oldest to 3.$newest is needed; found:${seen:- none}." \
        "Debian 12, Ubuntu 24.04: sudo apt install python3 python3-venv" \
        "macOS: brew install python@3.12" \
        "Anywhere: https://docs.astral.sh/uv/  then  uv python install 3.12" \
        "Or name an interpreter: PYTHON=/path/to/python3.11 $0"
}

# Changes with the interpreter, the checkout's place and the dependencies.
environment_stamp() { # WHAT...
    {
        "$python" -c 'import sys; print(sys.version, sys.base_prefix)'
        printf '%s\n' "$root" "$@"
        cat "$root/pyproject.toml"
    } | cksum
}

# Makes FOLDER a virtual environment with `pip install WHAT...` done in it;
# WHAT is seen from the checkout. Does nothing when that was done before.
make_environment() { # FOLDER WHAT...
    local folder=$1 stamp quiet=--quiet
    shift
    stamp=$(environment_stamp "$@")
    if [ "$stamp" = "$(cat "$folder/stamp" 2>/dev/null || true)" ]; then
        return
    fi
    [ ! -t 2 ] || quiet=--progress-bar=on # minutes of silence worry people
    echo "installing into $folder (TensorFlow is about 600 MB; once) ..." >&2
    rm -f "$folder/stamp"
    "$python" -m venv --clear "$folder" ||
        fail "cannot make a virtual environment in $folder."
    # 25.1 is the first pip that installs dependency groups.
    (
        cd "$root" &&
            "$folder/bin/python" -m pip install $quiet --upgrade 'pip>=25.1' &&
            "$folder/bin/python" -m pip install $quiet "$@"
    ) >&2 || fail "pip could not install the packages (its message is above)." \
        "Behind a proxy set HTTPS_PROXY; for a mirror set PIP_INDEX_URL."
    echo "$stamp" >"$folder/stamp"
}
