//! Owns the reading of what stress-ng writes: its YAML metrics, its announcement of instances, its last words.
//!
//! The YAML is of one fixed shape, a list of flat maps under `metrics:`, and is read line by line: what is unknown is
//! passed over, so that other versions' additional keys do no harm.
//!
//! A worker hands in its figures when it ends by itself. Where all of a stressor's were killed, stress-ng writes a
//! wall-clock time of 0 and what it had counted so far; where some were, it still divides by the number of all
//! (seen with 0.15.06), so that its rates are wrong. Neither is taken for figures.

use std::collections::BTreeMap;
use std::str::FromStr;
use store::LoadMetric;

/// Longest that one quoted line of stress-ng may be, in characters; it lists a hundred methods when one is unknown.
const LINE_LIMIT: usize = 240;

/// The flat maps under `metrics:`.
fn entries(yaml: &str) -> Vec<BTreeMap<&str, &str>> {
    let mut entries: Vec<BTreeMap<&str, &str>> = Vec::new();
    let of_metrics = yaml.lines().skip_while(|line| line.trim_end() != "metrics:").skip(1);
    for line in of_metrics.take_while(|line| line.is_empty() || line.starts_with([' ', '-'])) {
        let text = line.trim();
        let pair = text.strip_prefix("- ").inspect(|_| entries.push(BTreeMap::new())).unwrap_or(text);
        if let (Some((key, value)), Some(entry)) = (pair.split_once(':'), entries.last_mut()) {
            entry.insert(key.trim(), value.trim().trim_matches(['\'', '"']));
        }
    }
    entries
}

/// The metrics of the file that `--yaml` named. `instances` tells how many of each stressor were asked for, where the
/// file does not. Block and level are the caller's.
pub(crate) fn parse(yaml: &str, (block, level): (u32, &str), instances: &Instances) -> Vec<LoadMetric> {
    fn number<T: FromStr>(entry: &BTreeMap<&str, &str>, key: &str) -> Option<T> {
        entry.get(key)?.parse().ok()
    }
    let metric = |entry: &BTreeMap<&str, &str>| {
        let stressor = (*entry.get("stressor")?).to_owned();
        let asked = number(entry, "instances").or_else(|| instances.get(&stressor).copied());
        let wall_seconds = number(entry, "wall-clock-time")?;
        let mut metric = LoadMetric {
            block,
            level: level.to_owned(),
            instances: asked.unwrap_or(1),
            stressor,
            bogo_ops: Some(number(entry, "bogo-ops")?),
            bogo_ops_per_second: Some(number(entry, "bogo-ops-per-second-real-time")?),
            wall_seconds: Some(wall_seconds),
            user_seconds: Some(number(entry, "user-time")?),
            system_seconds: Some(number(entry, "system-time")?),
            rss_max_kib: number(entry, "max-rss"),
        };
        if wall_seconds == 0.0 {
            strike_out(&mut metric);
        }
        Some(metric)
    };
    entries(yaml).iter().filter_map(metric).collect()
}

/// Takes the figures of a stressor away of which a worker was killed: they are not those of the load that there was.
pub(crate) fn strike_out(metric: &mut LoadMetric) {
    metric.bogo_ops = None;
    metric.bogo_ops_per_second = None;
    metric.wall_seconds = None;
    metric.user_seconds = None;
    metric.system_seconds = None;
    metric.rss_max_kib = None;
}

/// Stressor → number of its instances.
pub(crate) type Instances = BTreeMap<String, u32>;

/// The instances that stress-ng announces (`dispatching hogs: 1 cpu, 2 vm`), with its own expansion of 0 and of
/// classes; none before it has, or when told to be quiet.
pub(crate) fn announced(output: &str) -> Option<Instances> {
    let list = output.lines().find_map(|line| line.split_once("dispatching hogs: "))?.1;
    let mut instances = Instances::new();
    for (count, stressor) in list.split(", ").filter_map(|item| item.trim().split_once(' ')) {
        *instances.entry(stressor.to_owned()).or_default() += count.parse::<u32>().ok()?;
    }
    Some(instances)
}

/// What stress-ng said of stressors, or workers of one, that it left out; none where it left none out. It goes on
/// without them, and calls that success.
pub(crate) fn skipped(output: &str) -> Option<String> {
    let is_one = |line: &&str| {
        let tells = line.contains("skipping") || line.contains("skipped") || line.contains("aborted early");
        // Newer ones also count, in their last lines, and none is none.
        line.starts_with("stress-ng: ") && tells && !line.ends_with(" skipped: 0")
    };
    let lines: Vec<String> =
        output.lines().map(str::trim).filter(is_one).map(|it| shortened(bare(it))).collect();
    let first = &lines[..lines.len().min(3)];
    (!first.is_empty()).then(|| first.join("; "))
}

/// The stressors that did nothing at all in a second or more, though they ended by themselves. One that fills memory
/// counts no operation before it has filled all of it, and is none of them.
pub(crate) fn idle(metrics: &[LoadMetric]) -> Vec<String> {
    let is_idle = |metric: &&LoadMetric| {
        let ran = metric.wall_seconds.is_some_and(|seconds| seconds >= 1.0);
        ran && metric.bogo_ops == Some(0) && !metric.stressor.starts_with("vm")
    };
    metrics.iter().filter(is_idle).map(|metric| metric.stressor.clone()).collect()
}

/// What stress-ng said that explains a failure: the last few lines that are no mere information, without its prefix.
/// Where there is none, it told no reason: what it says in passing is none.
pub(crate) fn words(output: &str) -> String {
    let lines = output
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("Try 'stress-ng"))
        .filter(|line| !line.contains(" metrc: "));
    // That it leaves out a stressor, and why, it calls information.
    let tells = |line: &&str| !line.starts_with("stress-ng: info:") || line.contains("skipping");
    let telling: Vec<&str> = lines.filter(tells).collect();
    let last = &telling[telling.len().saturating_sub(3)..];
    if last.is_empty() {
        return "it gave no reason".to_owned();
    }
    last.iter().map(|line| shortened(bare(line))).collect::<Vec<_>>().join("; ")
}

/// A line without `stress-ng: fail:  [1234] `.
fn bare(line: &str) -> &str {
    let line = line.strip_prefix("stress-ng: ").unwrap_or(line);
    let without_pid = |rest: &'static str| line.strip_prefix(rest).map(str::trim_start);
    let Some(line) = ["fail:", "error:", "warn:", "info:", "debug:"].into_iter().find_map(without_pid) else {
        return line;
    };
    line.strip_prefix('[').and_then(|rest| rest.split_once("] ")).map_or(line, |(_, words)| words)
}

/// The line, cut where it is overlong.
fn shortened(line: &str) -> String {
    match line.char_indices().nth(LINE_LIMIT) {
        Some((end, _)) => format!("{} …", &line[..end]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const YAML: &str = "---
system-info:
      stress-ng-version: 0.15.06
      cpus: 2

metrics:
    - stressor: cpu
      bogo-ops: 1161
      bogo-ops-per-second-usr-sys-time: 1446.375714
      bogo-ops-per-second-real-time: 575.609526
      wall-clock-time: 2.016992
      user-time: 0.772513
      system-time: 0.030183
      cpu-usage-per-instance: 39.796681
      max-rss: 6492

    - stressor: io
      bogo-ops: 1132
      bogo-ops-per-second-usr-sys-time: 12659.785052
      bogo-ops-per-second-real-time: 565.834269
      wall-clock-time: 2.000586
      user-time: 0.000129
      system-time: 0.089288

...
";

    #[test]
    fn metrics_are_read_with_their_announced_instances() {
        let instances = announced("stress-ng: info:  [7605] dispatching hogs: 3 cpu, 1 io\n").unwrap();
        let metrics = parse(YAML, (4, "high"), &instances);
        assert_eq!(metrics.len(), 2);
        let cpu = &metrics[0];
        assert_eq!((cpu.block, cpu.level.as_str(), cpu.stressor.as_str()), (4, "high", "cpu"));
        assert_eq!((cpu.instances, cpu.bogo_ops, cpu.rss_max_kib), (3, Some(1161), Some(6492)));
        assert_eq!(cpu.bogo_ops_per_second, Some(575.609_526));
        assert_eq!((metrics[1].instances, metrics[1].rss_max_kib), (1, None));
    }

    #[test]
    fn killed_workers_report_nothing_and_idle_ones_report_nought() {
        // As stress-ng 0.15.06 writes them: a worker killed at its 2533rd operation, one that ended without any.
        let entry = |ops: u32, wall: &str, rss: u32| {
            format!(
                "metrics:\n    - stressor: vm\n      bogo-ops: {ops}\n      \
                 bogo-ops-per-second-real-time: 0.000000\n      wall-clock-time: {wall}\n      \
                 user-time: 0.000000\n      system-time: 0.000000\n      max-rss: {rss}\n"
            )
        };
        let read = |yaml: String| parse(&yaml, (0, "high"), &Instances::new()).remove(0);
        let killed = read(entry(2533, "0.000000", 0));
        assert_eq!((killed.bogo_ops, killed.bogo_ops_per_second, killed.wall_seconds), (None, None, None));
        assert_eq!((killed.user_seconds, killed.system_seconds, killed.rss_max_kib), (None, None, None));
        let idle = read(entry(0, "6.004002", 2608));
        assert_eq!((idle.bogo_ops, idle.bogo_ops_per_second), (Some(0), Some(0.0)));
        assert_eq!((idle.wall_seconds, idle.rss_max_kib), (Some(6.004_002), Some(2608)));
    }

    #[test]
    fn what_is_left_out_is_told() {
        let output = "stress-ng: info:  [3362] apparmor stressor will be skipped, AppArmor is not enabled
stress-ng: info:  [3362] dispatching hogs: 1 cpu
stress-ng: info:  [3368] quota: cannot test accounting on available devices, skipping stressor
stress-ng: warn:  [3365] process [3368] (quota) aborted early, out of system resources
";
        assert_eq!(
            skipped(output).unwrap(),
            "apparmor stressor will be skipped, AppArmor is not enabled; quota: cannot test accounting on available \
             devices, skipping stressor; process [3368] (quota) aborted early, out of system resources"
        );
        assert_eq!(skipped("stress-ng: info:  [9] dispatching hogs: 1 io\n"), None);
        // As 0.18 ends.
        assert_eq!(
            skipped("stress-ng: info:  [9] skipped: 0\nstress-ng: info:  [9] passed: 2: cpu (2)\n"),
            None
        );
    }

    #[test]
    fn a_stressor_without_an_operation_is_idle_unless_it_fills_memory() {
        let metric = |stressor: &str, bogo_ops, wall_seconds| LoadMetric {
            block: 0,
            level: "high".to_owned(),
            stressor: stressor.to_owned(),
            instances: 1,
            bogo_ops,
            bogo_ops_per_second: Some(0.0),
            wall_seconds,
            user_seconds: Some(0.0),
            system_seconds: Some(0.0),
            rss_max_kib: None,
        };
        let all = [
            metric("io", Some(0), Some(2.0)),
            metric("hdd", Some(0), Some(0.4)),
            metric("cpu", Some(7), Some(2.0)),
            metric("vm", Some(0), Some(2.0)),
            metric("pipe", None, None),
        ];
        assert_eq!(idle(&all), ["io"]);
    }

    #[test]
    fn a_truncated_file_yields_its_whole_entries() {
        let cut = YAML.find("system-time: 0.089288").unwrap();
        assert_eq!(parse(&YAML[..cut], (0, "high"), &Instances::new()).len(), 1);
        assert!(parse("", (0, "high"), &Instances::new()).is_empty());
        assert!(parse("metrics:\n...\n", (0, "high"), &Instances::new()).is_empty());
    }

    #[test]
    fn words_are_the_telling_lines_without_prefix() {
        let output = "stress-ng: info:  [9] dispatching hogs: 1 vm
stress-ng: fail:  [11] vm: detected 3 bit errors
stress-ng: error: [9] process 11 (stress-ng-vm) terminated with an error, exit status=2
stress-ng: metrc: [9] vm 1 2 3
Try 'stress-ng --help' for more information.
";
        assert_eq!(
            words(output),
            "vm: detected 3 bit errors; process 11 (stress-ng-vm) terminated with an error, exit status=2"
        );
        assert_eq!(words("stress-ng: unrecognized option '--cpux'\n"), "unrecognized option '--cpux'");
        let chatter = "stress-ng: info:  [9] dispatching hogs: 1 io\nstress-ng: info:  [10] io: this is a legacy I/O \
                       sync stressor, consider using iomix instead\n";
        assert_eq!(words(chatter), "it gave no reason");
        let skipped = "stress-ng: info:  [9] exec stressor must not run as root, skipping the stressor
stress-ng: info:  [9] setting to a 1 second run per stressor
stress-ng: error: [9] No stress workers invoked (one or more were unsupported)
";
        assert_eq!(
            words(skipped),
            "exec stressor must not run as root, skipping the stressor; \
             No stress workers invoked (one or more were unsupported)"
        );
        assert_eq!(words(""), "it gave no reason");
        assert_eq!(words(&"é".repeat(1000)).chars().count(), LINE_LIMIT + 2);
    }
}
