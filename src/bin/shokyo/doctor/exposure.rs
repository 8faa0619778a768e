//! Checks of who else can get at a process's memory: cores and debuggers.

use shokyo::HardeningOutcome;

use super::check::Finding;
use super::host::Host;

/// Handlers that keep nothing.
const NOTHING: [&str; 4] = ["|/bin/false", "|/usr/bin/false", "|/bin/true", "|/usr/bin/true"];

pub(super) fn core_pattern(host: &Host) -> Finding {
    let (pattern, limit) = match (host.text("proc/sys/kernel/core_pattern"), host.limit("Max core file size")) {
        (Ok(pattern), Ok(limit)) => (pattern, limit),
        (Err(unseen), _) | (_, Err(unseen)) => return unseen.into(),
    };
    let pattern = pattern.trim();
    let handler = pattern.split_whitespace().next().unwrap_or_default();
    if NOTHING.contains(&handler) {
        return Finding::good(format!("cores go to {pattern}, which keeps nothing"));
    }
    match (handler.strip_prefix('|'), limit) {
        // The kernel takes this limit for the mark of a handler that crashed itself (`core(5)`).
        (Some(_), 1) => Finding::good("cores go to a program, but not this process's: its limit on cores is 1"),
        (Some(program), _) => Finding::weak(
            format!(
                "cores go to {program}, which no limit but 1 keeps from it; a core has all memory that is not a vault's"
            ),
            "LimitCORE=1 in the service unit, or sysctl kernel.core_pattern='|/bin/false'",
        ),
        (None, 0 | 1) => Finding::good("no core is written: the limit on cores is 0"),
        (None, _) => Finding::bad(
            format!("a crash writes a core file ({pattern}) with all memory that is not a vault's"),
            "LimitCORE=0 in the service unit, or `ulimit -c 0`",
        ),
    }
}

pub(super) fn dumpable(host: &Host) -> Finding {
    let remedy = "sysctl fs.suid_dumpable=0";
    match host.number("proc/sys/fs/suid_dumpable") {
        Ok(0) => Finding::good("programs that changed their identity leave no core (fs.suid_dumpable=0)"),
        Ok(2) => {
            Finding::weak("programs that changed their identity leave cores for root (fs.suid_dumpable=2)", remedy)
        }
        Ok(value) => Finding::bad(
            format!("programs that changed their identity leave cores as any other (fs.suid_dumpable={value})"),
            remedy,
        ),
        Err(unseen) => unseen.into(),
    }
}

pub(super) fn hardening(host: &Host) -> Finding {
    let steps = &host.calls.hardening;
    let failed: Vec<&str> = steps
        .iter()
        .filter(|(_, outcome)| matches!(outcome, HardeningOutcome::Failed(_)))
        .map(|(step, _)| step.name())
        .collect();
    let achieved = steps.iter().filter(|(_, outcome)| *outcome == HardeningOutcome::Achieved).count();
    if steps.is_empty() {
        return Finding::unknown("no step of hardening could be tried", "run it outside of the sandbox");
    }
    if failed.is_empty() {
        return Finding::good(format!("a process can make itself not dumpable: {achieved} steps of hardening hold"));
    }
    Finding::bad(
        format!("these steps of hardening fail here: {}", failed.join(", ")),
        "allow prctl and setrlimit in the sandbox (seccomp) that the station runs in",
    )
}

pub(super) fn ptrace_scope(host: &Host) -> Finding {
    let remedy = "sysctl kernel.yama.ptrace_scope=2 (1 lets a parent debug its child)";
    match host.number("proc/sys/kernel/yama/ptrace_scope") {
        Ok(0) => Finding::weak(
            "every process of the same user can read a process that has not hardened itself (ptrace_scope=0)",
            remedy,
        ),
        Ok(scope) => Finding::good(match scope {
            1 => "only an ancestor or root may debug a process (ptrace_scope=1)",
            2 => "only root may debug a process (ptrace_scope=2)",
            _ => "nobody may debug a process (ptrace_scope=3)",
        }),
        Err(unseen) if unseen.is_missing() && host.has("proc/sys/kernel") => Finding::weak(
            "this kernel has no Yama: every process of the same user can read a process that has not hardened itself",
            "a kernel with CONFIG_SECURITY_YAMA; run stations as users of their own",
        ),
        Err(unseen) => unseen.into(),
    }
}
