#![no_main]

#[path = "../bodies/agent.rs"]
mod bodies;

libfuzzer_sys::fuzz_target!(|data: &[u8]| bodies::report(data));
