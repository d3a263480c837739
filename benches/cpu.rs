//! CPU time of this thread: what other work on the machine does not add to.

/// In nanoseconds since the thread began.
pub fn ns() -> u64 {
    let spent = cpu_time::ThreadTime::now().as_duration();
    u64::try_from(spent.as_nanos()).unwrap_or(u64::MAX)
}
