#!/bin/bash
# Both shipped assignments from start to grade, by the commands of their own hand-outs, in clean folders: one submission that
# is right, one with a forged order, one with a missing trial, one made without root. Shows the class's table and holds it
# against what each of them is. Needs root and stress-ng, and takes as long as two executions of each assignment; LAB_BLOCKS=6
# has so many blocks in each, with windows of 200 ms, where the way is to be tried and not the claims.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD programs=$PWD/${CARGO_TARGET_DIR:-target}/debug
case ${CARGO_TARGET_DIR:-target} in /*) programs=$CARGO_TARGET_DIR/debug ;; esac
[ "$(id -u)" = 0 ] || { echo "needs root, for the probe and for a student without" >&2; exit 1; }
cargo build --quiet --locked -p runner --bins
cargo build --quiet --locked -p lab --example spoil

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
mkdir "$work/bin"
cp "$programs/runner" "$programs/generator" "$work/bin/"
export PATH=$work/bin:$PATH

# commands HAND-OUT ID: the indented lines of a hand-out, as this student would type them. Root has no need of sudo, and who
# has not root is told to leave it out.
commands() {
    sed -n 's/^       \([^ ]\)/\1/p' "$1" | sed "s/YOUR-ID/$2/g; s/^sudo \"\$(command -v runner)\"/runner/"
}

# follow ASSIGNMENT ID [AS…]: follows the hand-out in a clean folder, as somebody else where one is named.
follow() {
    local assignment=$1 id=$2
    shift 2
    mkdir "$work/$id-$assignment"
    chmod 777 "$work/$id-$assignment"
    cd "$work/$id-$assignment"
    cp "$work/$assignment-assignment.tar.zst" .
    while read -r line; do
        echo "\$ $line"
        # The sheet is filled in before it is handed in.
        case $line in *submit*) "$@" cp "$root/assignments/$assignment/model/answers.md" "$assignment/answers.md" ;; esac
        # Trials of backends that are not there have failed, which the hand-out says: exit code 3.
        "$@" bash -c "$line" </dev/null || [ $? = 3 ]
    done < <(commands "$root/assignments/$assignment/handout.md" "$id")
    cd "$work"
}

# spoilt ASSIGNMENT HOW: a copy of the right one's folder, made wrong, and handed in.
spoilt() {
    mkdir "$work/$2-$1"
    cp -a "$work/right-$1/$1" "$work/$2-$1/$1"
    (cd "$root" && "$programs/examples/spoil" "$work/$2-$1/$1/runs" "$2")
    runner lab submit --incomplete "$work/$2-$1/$1" >/dev/null
    # Named by what it is, for the table names students.
    mv "$work/$2-$1/$1/$1-right.tar.zst" "$work/$2-$1/$1/$1-$2.tar.zst"
}

[ $# -gt 0 ] || set -- load measuring
for assignment; do
    source=$work/source-$assignment
    cp -r "assignments/$assignment" "$source"
    if [ -n "${LAB_BLOCKS:-}" ]; then
        short="s/^repetitions = [0-9]*/repetitions = $LAB_BLOCKS/; s/^window = \"[0-9]*ms\"/window = \"200ms\"/"
        sed -i "$short" "$source/$assignment.toml"
    fi
    runner lab pack "$source" --out "$work/$assignment-assignment.tar.zst"
    follow "$assignment" right
    follow "$assignment" without-root setpriv --reuid 65534 --regid 65534 --clear-groups env "HOME=$work" "USER=nobody"
    spoilt "$assignment" forged
    spoilt "$assignment" missing
    for who in right without-root forged missing; do
        file=$work/$who-$assignment/$assignment/$assignment-$who.tar.zst
        echo "--- $who"
        runner lab verify "$file" --assignment "$work/$assignment-assignment.tar.zst" || [ $? = 1 ]
        runner lab grade --assignment "$work/$assignment-assignment.tar.zst" --out "$work/graded-$assignment-$who" "$file"
        cat "$work/graded-$assignment-$who/class.csv"
    done
    standing() { tail -n 1 "$work/graded-$assignment-$1/class.csv" | cut -d, -f2; }
    [ "$(standing right) $(standing without-root) $(standing forged) $(standing missing)" = "sound sound refused incomplete" ]
    cat "$work/graded-$assignment-right"/right/feedback.md
done
echo "both were shown for what they are"
