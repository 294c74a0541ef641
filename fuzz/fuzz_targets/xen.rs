#![no_main]

#[path = "../bodies/xen.rs"]
mod bodies;

libfuzzer_sys::fuzz_target!(|data: &[u8]| bodies::xen(data));
