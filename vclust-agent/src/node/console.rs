//! What the agent says to people: lines on the console, which the head node keeps.

use std::fs::OpenOptions;
use std::io::Write;

/// Says something on the console, if there is one.
pub(super) fn say(text: &str) {
    let uptime = uptime();
    if let Ok(mut console) = OpenOptions::new().write(true).open("/dev/console") {
        let _ = writeln!(console, "vclust: {uptime:.2} s: {text}");
    }
}

/// Seconds since the node's kernel started.
pub(super) fn uptime() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    // a time since the start of the machine has few digits
    #[expect(clippy::cast_precision_loss, reason = "f64 holds the seconds of 10^8 years")]
    let seconds = time.tv_sec as f64;
    seconds + f64::from(i32::try_from(time.tv_nsec).unwrap_or(0)) / 1e9
}
