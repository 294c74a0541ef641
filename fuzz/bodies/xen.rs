//! What the fuzz target of `vclust-xen` does with an input. Its tests include this file, too, and run it
//! over the corpus that is kept.

use vclust_xen::recorded::{
    classify, configured, host_information, listed, store_entries, telling,
};

/// Everything that a program of Xen's tool stack may print, read by every parser.
pub(crate) fn xen(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let lines = text.lines().count();
    match listed(&text) {
        Ok(domains) => {
            assert!(domains.len() < lines.max(1));
            for domain in domains {
                assert!(!domain.name.is_empty() && domain.seconds.is_finite());
                assert!(text.contains(&domain.name));
            }
        }
        Err(error) => assert!(!error.to_string().contains('\n')),
    }
    if let Ok(entries) = store_entries(&text) {
        assert_eq!(entries.len(), lines);
        for entry in entries {
            assert!(entry.path.starts_with('/') && entry.value.len() <= text.len());
        }
    }
    if let Ok(host) = host_information(&text) {
        assert!(text.contains(&host.version));
        let _ = host.has_fixed_control_memory();
    }
    for domain in configured(&text).unwrap_or_default() {
        assert!(domain.uuid.is_none_or(|uuid| uuid.to_string().parse() == Ok(uuid)));
    }
    assert!(!telling(&text).contains('\n'));
    let _ = classify(&text);
}
