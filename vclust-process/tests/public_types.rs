//! What is true of all public types: a scheduler can hand them to its threads.

use std::collections::BTreeSet;

use vclust_process::*;

/// Traits, and names for types that others define.
const OTHERS: &[&str] = &[];

/// Checks what threads may do with types, and gives their names.
macro_rules! names_of {
    ($($shared:ty,)*) => {{
        fn shared<T: Send + Sync>() {}
        $(shared::<$shared>();)*
        [$(stringify!($shared),)*]
    }};
}

#[test]
fn every_public_type_can_be_sent_to_other_threads_and_shared_by_them() {
    let checked = names_of![
        CommandError,
        CommandOutput,
        Daemon,
        DaemonError,
        ExternalCommand,
        Looks,
        Mark,
        MarkError,
        ProcessId,
    ];
    let checked = checked.iter().map(|name| name.split('<').next().unwrap_or(name));
    let checked: BTreeSet<&str> = checked.chain(OTHERS.iter().copied()).collect();
    assert_eq!(exported(), checked, "a new type goes into the list above");
}

/// The names of types and traits that `lib.rs` exports.
fn exported() -> BTreeSet<&'static str> {
    let text = include_str!("../src/lib.rs");
    let outer = text.split("\npub mod").next().unwrap_or(text);
    let uses = outer.split("\npub use ").skip(1).filter_map(|rest| rest.split(';').next());
    let words = uses.flat_map(|list| list.split([',', '{', '}']));
    let names =
        words.filter_map(|word| word.split([':', ' ', '\n']).rfind(|part| !part.is_empty()));
    names
        .filter(|name| name.chars().any(char::is_lowercase) && name.starts_with(char::is_uppercase))
        .collect()
}
