//! Rust in the book and in the README, as documentation tests: `cargo test --doc` compiles and runs it.

#![expect(
    rustdoc::invalid_codeblock_attributes,
    reason = "fences of commands say which target of the Makefile runs them"
)]

macro_rules! pages {
    ($($name:ident: $text:expr;)*) => { $(#[doc = $text] pub(crate) struct $name;)* };
}

pages! {
    Readme: include_str!("../../README.md");
    History: include_str!("../../docs/src/history.md");
    Unpacking: include_str!("../../docs/src/unpacking.md");
    Policies: include_str!("../../docs/src/tutorials/policy.md");
    Backends: include_str!("../../docs/src/tutorials/backend.md");
}
