//! The memory of this process, where the system reports it (Linux).

/// The memory of the process before it starts the work that is measured.
pub(crate) struct Idle(Option<f64>);

impl Idle {
    /// Reads the resident memory now, and lets the peak start again from it.
    pub(crate) fn now() -> Self {
        // Not every system has the file, or allows writing it: the peak is then that of the whole
        // process.
        let _ = std::fs::write("/proc/self/clear_refs", "5");
        Self(status_mib("VmRSS:"))
    }

    /// The peak since then, less the memory of then, in MiB.
    pub(crate) fn added_mib(&self) -> Option<f64> {
        Some(peak_mib()? - self.0?)
    }
}

/// The most resident memory this process has had, in MiB.
pub(crate) fn peak_mib() -> Option<f64> {
    status_mib("VmHWM:")
}

fn status_mib(field: &str) -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok()? / 1024.0)
}
