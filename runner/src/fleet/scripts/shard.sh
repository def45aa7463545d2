# shellcheck shell=bash disable=SC2154 # The head of a job's script says what these are.
# The rest is the same for every fleet. Slurm executes it once for each attempt at a shard, and may do so again elsewhere
# while the first attempt still runs, as when it has lost sight of a node. So an attempt writes to a folder of its own, and
# is the shard's by one rename, which only the first that is whole can do.
shard=${SLURM_ARRAY_TASK_ID:?is set by Slurm: submit this script with sbatch --array}
restarts=${SLURM_RESTART_COUNT:-0}
attempt=$shard-${SLURM_ARRAY_JOB_ID:?is set by Slurm}-$restarts
host=$(uname -n)
node=${SLURMD_NODENAME:-$host}
mine=$fleet/attempts/$attempt
run=

say() {
    printf '%s shard %s of %s on %s: %s\n' "$(date -u +%FT%TZ)" "$shard" "$shards" "$node" "$*"
}

# Another attempt may do better. With RequeueExit=75 Slurm makes it, but not for ever; else the shard has failed, and
# `runner fleet retry` makes it.
try_again() {
    say "$*"
    if [ "$restarts" -lt 3 ]; then exit 75; fi
    exit 1
}

# Copies the run that an earlier attempt has left, and names the copy in `run`. Never is that attempt's own folder gone on
# with: its runner may still be there, and a lock need not be seen from another node.
take_over() {
    local theirs=$fleet/attempts/$1 id round
    id=$(readlink "$theirs/latest") && [ -e "$theirs/$id/manifest.json" ] || return 1
    for round in 1 2 3; do
        # A runner that is at it may take away a file that was to be copied.
        if cp -RP "$theirs/$id" "$mine/$id" && "${runner[@]}" verify "$mine/$id"; then
            run=$mine/$id
            return 0
        fi
        say "what attempt $1 has left cannot be copied (round $round)"
        rm -rf "${mine:?}/$id"
    done
    return 1
}

# What is in the run, to see whether anything has been written to it.
content() {
    (cd "$run" && find . -printf '%p %s %T@\n' | sort | cksum)
}

# Goes on with what an earlier attempt has left on this machine: a run is measured by one machine as a whole. Leaves the
# runner's exit code in `status`, and `run` empty where there is nothing to go on with.
go_on() {
    local earlier before
    for earlier in $(cd "$fleet/attempts" && ls -t); do
        case $earlier in "$attempt") continue ;; "$shard"-*) ;; *) continue ;; esac
        [ "$(cat "$fleet/attempts/$earlier/.host" 2>/dev/null)" = "$host" ] || continue
        take_over "$earlier" || continue
        say "goes on with what attempt $earlier has left"
        before=$(content)
        "${runner[@]}" resume "$run" --quiet
        status=$?
        case $status in 1 | 2) ;; *) return ;; esac
        # It went on and failed then, as on a full disk: what it has is kept, for an attempt that is made later.
        [ "$(content)" = "$before" ] || return
        say "that cannot be gone on with, and is begun anew"
        # The earlier attempt has the same.
        rm -rf "$run"
        run=
    done
}

if [ -e "$fleet/done/$shard" ]; then
    say "is done already"
    exit 0
fi
mkdir "$mine" || try_again "cannot write to $fleet: this node has to see it under the same path"
printf '%s\n' "$node" >"$mine/.node"
printf '%s\n' "$host" >"$mine/.host"
"${runner[@]}" --version || try_again "${runner[*]} cannot be executed on this node; docs/fleet.md says how nodes get it and its rights"
say "attempt $attempt begins"

status=0
go_on
if [ -z "$run" ]; then
    "${runner[@]}" run "$fleet/scenario.toml" --shard "$shard/$shards" "${options[@]}" --runs-dir "$mine"
    status=$?
    run=$mine/$(readlink "$mine/latest")
fi
# So that a later attempt finds it.
[ ! -e "$run/manifest.json" ] || ln -sfn "${run##*/}" "$mine/latest"

case $status in
0) ;;
3) say "some trials failed or are invalid; the others count" ;;
130 | 137 | 143) try_again "was interrupted: what is finished is kept, and another attempt on this machine goes on with it" ;;
*)
    say "failed with exit code $status; the lines above say why. A probe that was refused needs CAP_BPF and CAP_PERFMON:" \
        "a rule of sudo with --sudo, capabilities on the runner's file, or --probe user to do without; see docs/fleet.md"
    exit "$status"
    ;;
esac
"${runner[@]}" verify "$run" || { say "error: the run is not what was measured"; exit 1; }
if message=$(mv -T "$mine" "$fleet/done/$shard" 2>&1); then
    say "is done"
elif [ -e "$fleet/done/$shard" ]; then
    say "is done: another attempt was first"
else
    say "error: the run cannot be put in its place: $message"
    exit 1
fi
