# shellcheck shell=bash disable=SC2154 # The head of a job's script says what these are.
# The rest is the same for every fleet. Slurm executes it once no shard is to come any more, and again where it is lost.
attempt=merge-${SLURM_JOB_ID:?is set by Slurm: submit this script with sbatch}-${SLURM_RESTART_COUNT:-0}
mine=$fleet/attempts/$attempt

say() {
    printf '%s merge: %s\n' "$(date -u +%FT%TZ)" "$*"
}

if [ -e "$fleet/merged" ]; then
    say "is done already"
    exit 0
fi
runs=()
for shard in $(seq 1 "$shards"); do
    run=$fleet/done/$shard/$(readlink "$fleet/done/$shard/latest")
    [ -e "$run/manifest.json" ] || { say "error: shard $shard is not done: \`runner fleet retry\` submits it anew"; exit 1; }
    runs+=("$run")
done
mkdir "$mine" || { say "error: cannot write to $fleet: this node has to see it under the same path"; exit 75; }
# An empty list is unbound to older shells.
"${runner[@]}" merge "${runs[@]}" ${options[@]+"${options[@]}"} --runs-dir "$mine"
status=$?
case $status in
0) ;;
3) say "some trials failed or are invalid; the others count" ;;
*)
    say "failed with exit code $status; the lines above say why, and every shard is in $fleet/done"
    exit "$status"
    ;;
esac
"${runner[@]}" verify "$mine/$(readlink "$mine/latest")" || { say "error: the merged run is not what was measured"; exit 1; }
if message=$(mv -T "$mine" "$fleet/merged" 2>&1) || [ -e "$fleet/merged" ]; then
    say "is done"
else
    say "error: the merged run cannot be put in its place: $message"
    exit 1
fi
