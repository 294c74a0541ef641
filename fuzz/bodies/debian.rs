//! What the fuzz target of `vclust-debian` does with an input. Its tests include this file, too,
//! and run it over the corpus that is kept.

use std::path::Path;

use vclust_core::{PinTarget, Suite};
use vclust_debian::{
    AptConf, AptSource, dearmor, parse_deb822_sources, parse_one_line_sources, parse_preferences,
};

/// How many pins are matched, and how many entries are looked at: what is bounded here is the time of
/// one run.
const MATCHED: usize = 64;
const VIEWED: usize = 16;

/// Every file of apt's configuration, whatever the input is one of.
pub(crate) fn sources(data: &[u8]) {
    let path = Path::new("input");
    for parsed in
        [parse_deb822_sources(path, data, "amd64"), parse_one_line_sources(path, data, "amd64")]
    {
        match parsed {
            Ok(sources) => sources.iter().take(VIEWED).for_each(source),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    match parse_preferences(path, data) {
        Ok(pins) => {
            let target = PinTarget {
                package: "libc6",
                source: "glibc",
                architecture: "amd64",
                native: "amd64",
            };
            for pin in pins.iter().take(MATCHED) {
                let _ = pin.matches(&target, "2.41-12", &Suite::default());
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    let mut conf = AptConf::default();
    match conf.read(path, data) {
        Ok(includes) => assert!(includes.len() <= data.len()),
        Err(error) => assert!(error.line > 0),
    }
    let _ = (conf.boolean("APT::Install-Recommends", true), conf.values("APT").count());
    conf.clear("APT");
    assert_eq!(conf.values("APT").count(), 0);
    if let Ok(keys) = dearmor(data) {
        assert!(keys.len() < data.len());
    }
}

fn source(source: &AptSource) {
    assert!(source.suite_uri().starts_with(&source.uri));
    let machine = ["amd64".to_owned(), "i386".to_owned()];
    let named = source.architectures.iter().flatten().chain(&source.architectures_added).count();
    assert!(source.architectures_on(&machine).len() <= machine.len() + named);
}
