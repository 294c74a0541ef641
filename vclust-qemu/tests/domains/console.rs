//! What a guest writes to its console, and how much of it is kept.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::thread;
use std::time::{Duration, Instant};

use vclust_core::{DomainState, Hypervisor};

use crate::site::{PATIENCE, Site};

const PART: u64 = 1 << 20;

#[test]
fn a_guest_that_writes_for_ever_fills_no_disk_and_its_last_words_are_kept() {
    let site = Site::new();
    let qemu = site.qemu();
    let name = site.define("n1");
    qemu.start(&name).unwrap();
    site.says(&name, "B");
    site.tell(&name, b"p");
    let length =
        |file: &str| fs::metadata(site.path(&format!("domains/n1/{file}"))).map(|data| data.len());
    let mut parts = BTreeSet::new();
    let end = Instant::now() + PATIENCE * 4;
    while parts.len() < 3 {
        if let Ok(data) = fs::metadata(site.path("domains/n1/console.old")) {
            parts.insert((data.ino(), data.mtime(), data.mtime_nsec()));
            assert_eq!(data.len(), PART);
        }
        assert!(length("console.log").unwrap_or_default() <= PART);
        assert!(Instant::now() < end, "only {parts:?} were written");
        thread::sleep(Duration::from_millis(2));
    }
    // it is as alive as before
    assert_eq!(qemu.state(&name).unwrap(), DomainState::Running);
    qemu.kill(&name).unwrap();
    let text = qemu.console_log(&name, 16 * PART).unwrap();
    assert!((PART..=2 * PART).contains(&(text.len() as u64)), "{} bytes", text.len());
    assert!(text.iter().all(|letter| *letter == b'p'));
    assert_eq!(qemu.console_log(&name, 7).unwrap(), b"ppppppp");
    assert_eq!(site.processes(), 0, "what kept the console ends with the domain");
    // a new start begins anew
    qemu.start(&name).unwrap();
    site.says(&name, "B");
    assert!(length("console.old").is_err());
}
