#!/bin/bash
# A scenario over four shards on a real Slurm: controller, four node daemons and munge on loopback, started by this script
# alone. Two daemons are killed with SIGKILL in the middle, one of them with all that ran on its node. Nothing may be lost:
# the merged run verifies, and has the trials of a run in one piece. Then the same by ssh and GNU parallel, with the lines of
# docs/fleet.md. Nodes without a runner are requeued by its exit code, and a user without rights measures by a rule of sudo.
# As root, for the probe, the packages and that rule.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
programs=${CARGO_TARGET_DIR:-$root/target}/debug
case $programs in /*) ;; *) programs=$root/$programs ;; esac
export PATH=$PATH:/usr/sbin:/sbin PYTHONDONTWRITEBYTECODE=1
[ "$(id -u)" = 0 ] || { echo "fleet: needs root, for the probe and for daemons" >&2; exit 1; }

# Whatever is installed must not start by itself; `clean_up` removes what says so.
policy=/usr/sbin/policy-rc.d
made_policy=
install() {
    if [ ! -e $policy ]; then
        made_policy=yes
        printf '#!/bin/sh\nexit 101\n' >$policy
        chmod 755 $policy
    fi
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        slurmctld slurmd slurm-client munge sudo openssh-server openssh-client parallel rsync; } >"$work/apt" 2>&1 ||
        { cat "$work/apt"; return 1; }
    allow_services
}

allow_services() {
    [ -z "$made_policy" ] || rm -f $policy
    made_policy=
}

# Short, for sockets' names end at 108 bytes; and with what a shell or Slurm would take for something else.
work=$(mktemp -d /tmp/fleet.XXXX)
chmod 755 "$work"
mkdir "$work/bin" "$work/here"
cp "$programs/runner" "$programs/generator" "$work/bin"
unset SUDO_UID SUDO_GID
export PATH=$work/bin:$PATH SLURM_CONF=$work/slurm.conf
export SYSCALL_LAB_TURN=fleet-$$ RUNNER_RUNS_DIR=$work/here/runs
fleet="$work/it's a \"fleet\" 100%d"
rule=/etc/sudoers.d/syscall-lab-check-$$
daemons=()

# Processes that have this in their environment, but for this one.
with() { { grep -lzxF "$1" /proc/[0-9]*/environ || :; } 2>/dev/null | sed 's/[^0-9]//g' | grep -vx $$; }

# Processes that this script has brought about, by the configuration that all of them have.
ours() { with "SLURM_CONF=$SLURM_CONF"; }

# Jobs first: they outlive daemons.
clean_up() {
    local status=$? pid
    trap - EXIT
    set +e
    allow_services
    if [ $status != 0 ]; then
        timeout 5 runner fleet status "$fleet"
        tail -n 20 "$fleet"/logs/* "$work/slurmctld.log" 2>/dev/null
    fi
    if [ ${#daemons[@]} != 0 ]; then
        timeout 5 scancel --user=root
        for _ in {1..20}; do [ -z "$(timeout 5 squeue --noheader)" ] && break; sleep 0.2; done
        kill "${daemons[@]}" 2>/dev/null
        wait "${daemons[@]}" 2>/dev/null
    fi
    for pid in $(ours); do kill -KILL "$pid" 2>/dev/null; done
    rm -rf "$work" "$rule"
    exit $status
}
trap clean_up EXIT
trap 'exit 1' INT TERM HUP

say() { printf 'fleet: %3d s: %s\n' $SECONDS "$*"; }

# within SECONDS WHAT COMMAND…: until the command succeeds.
within() {
    local until=$((SECONDS + $1)) what=$2
    shift 2
    until "$@"; do
        [ $SECONDS -lt $until ] || { echo "fleet: $what has not come" >&2; return 1; }
        sleep 0.2
    done
}

# daemon NAME COMMAND…: in the foreground of its own, so that its number is known.
daemon() {
    "${@:2}" >"$work/$1.log" 2>&1 </dev/null &
    daemons+=($!)
    printf '%s' $! >"$work/$1.pid"
}

free_ports() {
    python3 - "$1" <<'END'
import socket, sys
held = [socket.socket() for _ in range(int(sys.argv[1]))]
for it in held:
    it.bind(("127.0.0.1", 0))
print(*(it.getsockname()[1] for it in held))
END
}

start_slurm() {
    local ports node
    read -ra ports < <(free_ports 5)
    mkdir -m 755 "$work/munge" "$work/state" "$work/spool"
    (umask 077 && dd if=/dev/urandom of="$work/munge/key" bs=64 count=1 status=none)
    cat >"$SLURM_CONF" <<END
ClusterName=lab
SlurmctldHost=$(hostname -s)(127.0.0.1)
SlurmctldPort=${ports[4]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=$work/munge/socket,cred_expire=5
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool/%n
SlurmctldPidFile=$work/slurmctld.number
SlurmdPidFile=$work/slurmd-%n.number
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/builtin
SlurmdParameters=config_overrides
SlurmdTimeout=3
MessageTimeout=4
SchedulerParameters=sched_interval=2
RequeueExit=75
ReturnToService=2
MailProg=/bin/true
$(for node in 1 2 3 4; do echo "NodeName=n$node NodeAddr=127.0.0.1 Port=${ports[node - 1]} CPUs=1 State=UNKNOWN"; done)
PartitionName=all Nodes=n[1-4] Default=YES MaxTime=INFINITE State=UP
END
    daemon munge munged --foreground --force --key-file="$work/munge/key" --socket="$work/munge/socket" \
        --pid-file="$work/munge/number" --seed-file="$work/munge/seed" --log-file="$work/munge/log"
    within 30 "munge's socket" test -S "$work/munge/socket"
    daemon slurmctld slurmctld -D
    for node in 1 2 3 4; do daemon "slurmd-n$node" slurmd -D -N "n$node"; done
    within 60 "a node's readiness" nodes_are_idle 4
}

nodes_are_idle() { [ "$(timeout 5 sinfo --noheader --Node --format=%t 2>/dev/null | grep -c idle)" = "$1" ]; }

# field EXPRESSION: of the fleet's status, which is `it`.
field() {
    runner fleet status "$fleet" --json >"$work/status.json" || :
    python3 -c "import json, sys; it = json.load(open(sys.argv[1])); print($1)" "$work/status.json"
}

# The shard that measures now, and its node: begun, with trials, and some to come. They take turns on this machine.
measuring() {
    victim=$(field "next((f\"{s['shard']} {s['node']}\" for s in it['shards'] if s['state'] == 'running' and s['finished'] and 1 < s['finished'] < s['planned'] - 1), '')")
    [ -n "$victim" ]
}

another_dies() { measuring && [ "$victim" != "$first" ] && kill_node "${victim#* }"; }

# All that a node has: its daemon, what watches over its jobs (first, or it would tell of their end), and what runs in them.
# Fails, with nothing killed, where its job was over by then.
kill_node() {
    local pid parent jobs=() watchers=()
    for pid in $(with "SLURMD_NODENAME=$1"); do
        parent=$(sed 's/.*) . \([0-9]*\).*/\1/' "/proc/$pid/stat") || continue
        jobs+=("$pid")
        case $(cat "/proc/$parent/comm") in slurmstepd*) watchers+=("$parent") ;; esac
    done 2>/dev/null
    [ ${#watchers[@]} = 1 ] || return 1
    kill -KILL "$(cat "$work/slurmd-$1.pid")" "${watchers[@]}"
    for pid in "${jobs[@]}"; do kill -KILL "$pid" 2>/dev/null || :; done
}

is_over() {
    local status=0
    runner fleet status "$1" >"$work/status" || status=$?
    case $status in
    0) ;;
    75) return 1 ;;
    # On a busy machine a window so short may have nothing in it.
    *) grep -q "^all is done" "$work/status" || { cat "$work/status"; exit 1; } ;;
    esac
}

trials() {
    runner export "$1" --format csv | python3 -c '
import csv, sys
rows = csv.DictReader(sys.stdin)
print(*sorted({(int(it["trial"]), it["block"], it["position"], it["repetition"], it["factor_threads"]) for it in rows}), sep="\n")'
}

check_slurm() {
    local first victim
    runner fleet slurm "$root/checks/fleet.toml" --shards 4 --fleet-dir "$fleet" --time 10 --label by-slurm
    if runner fleet slurm "$root/checks/fleet.toml" --shards 4 --fleet-dir "$fleet" 2>/dev/null; then return 1; fi
    within 120 "a shard that measures" measuring
    first=$victim
    say "kills the daemon of ${first#* }, where shard ${first% *} goes on"
    kill -KILL "$(cat "$work/slurmd-${first#* }.pid")"
    within 120 "another shard that measures" another_dies
    say "killed all of ${victim#* }, with shard ${victim% *} in the middle"
    within 150 "the fleet's end" is_over "$fleet"
    cat "$work/status"
    grep -q "goes on with what attempt ${victim% *}-" "$fleet/logs/shard-${victim% *}.log"
    runner fleet fetch "$fleet" || [ $? = 3 ]
    runner verify by-slurm
}

check_cancel_and_retry() {
    runner fleet slurm "$root/checks/fleet.toml" --shards 2 --repetitions 2 --set measure.window=150ms --sbatch=--begin=now+1hour --label later
    runner fleet cancel
    local status=0
    runner fleet status || status=$?
    [ $status = 3 ]
    [ -z "$(squeue --noheader)" ]
    runner fleet retry --sbatch=--begin=now
    within 120 "the end of what was submitted anew" is_over latest
    runner fleet fetch || [ $? = 3 ]
    runner verify later
}

# One shard is cancelled while the other is still to come: what is submitted anew is merged with what was submitted before.
check_retry_meanwhile() {
    local meanwhile="$work/meanwhile" job
    runner fleet slurm "$root/checks/fleet.toml" --shards 2 --repetitions 2 --set measure.window=150ms --fleet-dir "$meanwhile" \
        --sbatch=--begin=now+15 --label meanwhile
    job=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["jobs"][0]["id"])' "$meanwhile/fleet.json")
    scancel "${job}_1"
    within 10 "a shard that is gone" says_of_a_shard "$meanwhile" "shard 1   failed"
    says_of_a_shard "$meanwhile" "shard 2   waiting"
    runner fleet retry "$meanwhile" --sbatch=--begin=now | grep "1 shard as job"
    within 240 "the merge of both" is_over "$meanwhile"
    runner fleet fetch "$meanwhile" || [ $? = 3 ]
    runner verify meanwhile
}

says_of_a_shard() { { runner fleet status "$1" || :; } | grep -F "$2"; }

# What waits for a job that has failed never begins. Then the same without waiting, on nodes that have no runner yet: 75, which
# Slurm is told to requeue for.
check_never_and_requeued() {
    local status=0 job
    job=$(sbatch --parsable --chdir="$work" --output=/dev/null --wrap=false)
    late="$work/late fleet"
    runner fleet slurm "$root/checks/fleet.toml" --shards 2 --repetitions 2 --set measure.window=150ms --fleet-dir "$late" \
        --runner "$work/late/runner" --dependency "afterok:$job"
    within 60 "what can never come" grep_status "$late" "can never come"
    runner fleet retry "$late"
    within 90 "a node without a runner" grep -qs "cannot be executed on this node" "$late/logs/shard-1.log"
    mkdir "$work/late"
    cp "$work/bin/runner" "$work/bin/generator" "$work/late"
    within 240 "the end of what was requeued" is_done "$late"
    grep -q "attempt 1-[0-9]*-[1-3] begins" "$late/logs/shard-1.log"
    # What is cancelled before it began, and what somebody takes away.
    runner fleet slurm "$root/checks/fleet.toml" --shards 2 --repetitions 2 --sbatch=--begin=now+1hour
    runner fleet cancel
    grep_status latest "shard 1   failed   cancelled"
    rm -r "$late/merged/"*
    grep_status "$late" "merged is no whole run any more"
    runner fleet retry "$late" || status=$?
    [ $status = 1 ]
    rm -r "$late/merged"
    runner fleet retry "$late"
    within 90 "another merge" is_done "$late"
}

grep_status() { { runner fleet status "$1" || :; } 2>&1 | tee "$work/status" | grep -qF "$2"; }

is_done() { { runner fleet status "$1" || :; } 2>&1 | tee "$work/status" | grep -q "^all is done"; }

# As a user who has no rights but those of one rule.
check_sudo() {
    local user=nobody
    printf '%s ALL=(root) NOPASSWD: %s\nDefaults:%s env_keep += "SYSCALL_LAB_TURN SLURM_CONF"\n' \
        $user "$work/bin/runner" $user >"$rule"
    chmod 440 "$rule"
    visudo -qcf "$rule"
    mkdir -m 755 "$work/user"
    cp "$root/checks/fleet.toml" "$work/user"
    chown -R $user "$work/user"
    as_user() { (cd "$work/user" && setpriv --reuid="$user" --regid=nogroup --clear-groups env HOME="$work/user" "$@"); }
    as_user runner fleet slurm fleet.toml --shards 2 --repetitions 2 --set measure.window=150ms --sudo \
        --runner "$work/bin/runner" --runs-dir "$work/user/runs"
    as_user_is_done() { { as_user runner fleet status --runs-dir "$work/user/runs" || :; } 2>&1 | tee "$work/status" | grep -q "^all is done"; }
    within 240 "the end of what sudo began" as_user_is_done
    as_user runner fleet fetch --runs-dir "$work/user/runs" || [ $? = 3 ]
    # By root's probe, and the user's own.
    [ "$(as_user runner list --runs-dir "$work/user/runs" --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["runs"][0]["run"]["backend"])')" != user ]
    [ -z "$(find "$work/user" ! -user $user)" ]
}

# Two machines: two ports, each with a disk of its own.
start_ssh() {
    local ports machine
    read -ra ports < <(free_ports 2)
    mkdir -p /run/sshd "$work/ssh" "$work/m1" "$work/m2"
    ssh-keygen -q -t ed25519 -N '' -f "$work/ssh/host"
    ssh-keygen -q -t ed25519 -N '' -f "$work/ssh/key"
    cat >"$work/ssh/sshd" <<END
ListenAddress 127.0.0.1:${ports[0]}
ListenAddress 127.0.0.1:${ports[1]}
HostKey $work/ssh/host
AuthorizedKeysFile $work/ssh/key.pub
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
StrictModes no
UsePAM no
PidFile none
SetEnv PATH=$PATH SYSCALL_LAB_TURN=$SYSCALL_LAB_TURN SLURM_CONF=$SLURM_CONF
Match LocalPort ${ports[0]}
    ForceCommand cd $work/m1 && eval "\$SSH_ORIGINAL_COMMAND"
Match LocalPort ${ports[1]}
    ForceCommand cd $work/m2 && eval "\$SSH_ORIGINAL_COMMAND"
END
    for machine in 1 2; do
        printf 'Host m%s\n    HostName 127.0.0.1\n    Port %s\n    IdentityFile %s\n    User root\n' \
            "$machine" "${ports[machine - 1]}" "$work/ssh/key"
        printf '    UserKnownHostsFile %s\n    StrictHostKeyChecking accept-new\n    LogLevel ERROR\n' "$work/ssh/known"
    done >"$work/ssh/config"
    export PARALLEL_SSH="ssh -F $work/ssh/config" PARALLEL_HOME=$work/parallel
    mkdir -p "$PARALLEL_HOME"
    touch "$PARALLEL_HOME/will-cite"
    daemon sshd "$(command -v sshd)" -D -e -f "$work/ssh/sshd"
    within 30 "sshd" timeout 5 ssh -F "$work/ssh/config" m1 true 2>/dev/null
}

# The page's own lines.
check_ssh() {
    local first
    # Shorter, for here no node has to die in the middle.
    sed 's/^window = .*/window = "150ms"/' "$root/checks/fleet.toml" >"$work/here/openat.toml"
    # shellcheck disable=SC2016 # These are no commands.
    sed -n '/<!-- not run: it takes machines/,/^```$/p' "$root/docs/fleet.md" | sed -n '/^```sh$/,/^```$/p' | grep -v '^```' >"$work/lines"
    grep -q 'parallel .*--resume-failed' "$work/lines"
    # On a busy machine a window so short may have nothing in it: 3.
    carry_out() { (cd "$1" && bash -euo pipefail "$2") >"$work/said" || [ $? = 3 ] || { cat "$work/said"; return 1; }; }
    carry_out "$work/here" "$work/lines"
    cut -f 2,7 "$work"/here/openat-*/shards.log
    runner verify latest
    trials latest >"$work/by-ssh"
    # In the same folder there is nothing left to execute; a second campaign measures anew.
    first=$(parts)
    sed 1,2d "$work/lines" >"$work/again"
    carry_out "$work"/here/openat-* "$work/again"
    [ "$(parts)" = "$first" ]
    carry_out "$work/here" "$work/lines"
    runner verify latest
    [ "$(parts)" != "$first" ]
}

# Of what the newest run was made.
parts() { python3 -c 'import json, sys; print(*(it["run"] for it in json.load(sys.stdin)["merged"]["parts"]))' <"$RUNNER_RUNS_DIR/latest/manifest.json"; }

# Of several at a time, `command` says whether it knows any.
for program in slurmctld slurmd sbatch munged sudo sshd parallel rsync; do
    command -v $program >/dev/null || { install; break; }
done
start_slurm
say "four nodes are ready"
check_slurm
check_cancel_and_retry
say "cancels one shard, and submits it anew while the other is to come"
check_retry_meanwhile
say "what can never come, nodes without a runner, and what was removed"
check_never_and_requeued
say "by sudo"
check_sudo
say "and the same by ssh"
start_ssh
check_ssh
runner run "$root/checks/fleet.toml" --set measure.window=150ms --label whole --quiet || [ $? = 3 ]
trials whole >"$work/whole"
trials by-slurm >"$work/by-slurm"
for run in by-slurm by-ssh; do
    diff "$work/whole" "$work/$run" || { echo "fleet: $run has other trials than a run in one piece" >&2; exit 1; }
done
say "$(wc -l <"$work/whole") trials each: in one piece, over four shards with two dead daemons, and by ssh"
