//! A look at a window under way, and more targets than functions can be attached to.

use crate::support::{
    alone, assert_balanced, failing_getpgid, getppid, may_be_refused, seen, with_each_backend,
};
use probe::{
    Backend, MAX_RAW_TARGETS, MAX_TARGETS, Probe, ProbeError, Scope, Target, Window, monotonic_ns,
    syscall_names,
};

#[test]
fn a_look_finds_what_has_returned_and_disturbs_nothing() {
    with_each_backend(&["getppid", "getpgid", "getsid"], Scope::Generators, |probe| {
        assert!(matches!(probe.peek(), Err(ProbeError::NotArmed)));
        probe.arm(Window { open_ns: monotonic_ns(), close_ns: u64::MAX }).unwrap();
        assert!(probe.peek().unwrap().is_empty());
        for calls in [100, 250] {
            getppid(calls - if calls == 250 { 100 } else { 0 });
            failing_getpgid(7);
            let found = probe.peek().unwrap();
            let counts: Vec<_> = found
                .iter()
                .map(|it| (it.target.name.as_str(), it.entered, it.ok.count, it.error.count))
                .collect();
            let failed = if calls == 100 { 7 } else { 14 };
            assert_eq!(counts, [("getppid", calls, calls, 0), ("getpgid", failed, 0, failed)]);
            assert_eq!((found[0].returned, found[0].censored), (calls, 0));
        }
        probe.close(monotonic_ns()).unwrap();
        let readings = probe.read().unwrap();
        assert_eq!(readings[0].ok.count, 250);
        assert_eq!(readings[1].error.count, 14);
        readings.iter().for_each(assert_balanced);
        assert!(matches!(probe.peek(), Err(ProbeError::NotArmed)));
    });
}

/// Every call that has a latency: as many as are told apart, and the rest as one.
fn everything() -> Vec<Target> {
    let names: Vec<&str> = syscall_names().filter(|name| Target::named(name).is_ok()).collect();
    let (apart, together) = names.split_at(MAX_RAW_TARGETS - 1);
    let mut targets: Vec<Target> = apart.iter().map(|name| Target::named(name).unwrap()).collect();
    targets.push(Target::together("other", together).unwrap());
    targets
}

#[test]
fn raw_tracepoints_tell_most_calls_apart_and_count_the_rest_together() {
    let _alone = alone();
    let targets = everything();
    let mut probe = match Probe::attach(Backend::RawTracepoint, &targets, Scope::Generators) {
        Ok(probe) => probe,
        Err(error) if may_be_refused(Backend::RawTracepoint, &error) => return eprintln!("skipped: {error}"),
        Err(error) => panic!("{error}"),
    };
    probe.include(std::process::id()).unwrap();
    let readings = seen(&mut probe, || {
        getppid(300);
        failing_getpgid(200);
        for _ in 0..50 {
            // SAFETY: there is no such group of namespaces, so that the call fails.
            unsafe { libc::syscall(libc::SYS_setns, -1i64, 0) };
        }
    });
    let of = |name: &str| readings.iter().find(|it| it.target.name == name).unwrap();
    assert_eq!((of("getppid").ok.count, of("getpgid").error.count), (300, 200));
    let is_apart = targets.iter().any(|target| target.name == "setns");
    let setns = of(if is_apart { "setns" } else { "other" });
    assert_eq!((setns.error.count, setns.errnos.clone()), (50, vec![(9, 50)]));
    readings.iter().for_each(assert_balanced);
}

#[test]
fn what_a_backend_cannot_tell_apart_is_refused() {
    let targets = everything();
    let many = &targets[..=MAX_TARGETS];
    let refused =
        |targets: &[Target], backend| Probe::attach(backend, targets, Scope::Generators).unwrap_err();
    for backend in [Backend::Kretprobe, Backend::Fentry] {
        assert!(matches!(refused(many, backend), ProbeError::Targets { most: MAX_TARGETS, .. }));
        assert!(matches!(refused(&targets[MAX_RAW_TARGETS - 1..], backend), ProbeError::Unsupported { .. }));
    }
    let twice = [Target::named("read").unwrap(), Target::together("other", &["write", "read"]).unwrap()];
    assert!(matches!(refused(&twice, Backend::RawTracepoint), ProbeError::Targets { .. }));
}
