//! What peers print when they end: how many getpid they counted.

/// `perf trace -s`, and `syscount` of either collection: the call's name, then its count.
pub(crate) fn after_name(output: &str) -> Option<u64> {
    let mut lines = output.lines().map(str::split_whitespace);
    lines.find_map(|mut words| (words.next() == Some("getpid")).then(|| words.next()?.parse().ok())?)
}

/// `strace -c`: the name is last, the count fourth.
pub(crate) fn fourth_column(output: &str) -> Option<u64> {
    let mut lines = output.lines().filter(|line| line.split_whitespace().last() == Some("getpid"));
    lines.next()?.split_whitespace().nth(3)?.parse().ok()
}

/// bpftrace's histogram by number of call: the sum of its bars.
pub(crate) fn sum_of_bars(output: &str) -> Option<u64> {
    let heading = format!("@latency[{}]:", libc::SYS_getpid);
    let mut lines = output.lines().skip_while(|line| line.trim() != heading);
    lines.next()?;
    let bars = lines.map_while(|line| line.split_once('|'));
    bars.map(|(bar, _)| bar.split_whitespace().last()?.parse::<u64>().ok()).sum()
}

/// The line of a peer's complaint that says most: of standard output if one there complains, else the last such line
/// of standard error.
pub(crate) fn reason(output: &str, errors: &str) -> String {
    let complains = |line: &&str| {
        let line = line.to_lowercase();
        ["error", "fail", "unable", "cannot", "denied", "not found"].iter().any(|word| line.contains(word))
    };
    let line = output.lines().find(complains).or_else(|| errors.lines().rfind(complains));
    let line = line.or_else(|| errors.lines().rfind(|line| !line.trim().is_empty()));
    line.map_or_else(|| "it ended without a word".into(), |line| line.trim().to_owned())
}
