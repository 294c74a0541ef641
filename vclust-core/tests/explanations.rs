//! What vclust says where it refuses: sentences that people read, kept as they are.

mod support;

use support::universe::Universe;

fn refusal(universe: &str, request: &str) -> String {
    Universe::parse(universe).refusal(request)
}

#[test]
fn a_missing_dependency_three_levels_down_is_told_from_the_request_on() {
    let said = refusal(
        "a 1 -> b
         b 1 -> c (>= 2)
         c 2 -> d | e
         e 1 -> nowhere",
        "a",
    );
    insta::assert_snapshot!(said, @r"
    a (1) depends on b
    b (1) depends on c (>= 2)
    c (2) depends on d or e
    e (1) depends on nowhere
    no package is or provides `nowhere`
    ");
}

#[test]
fn too_low_a_version_is_told_with_the_versions_there_are() {
    let said = refusal(
        "a 1 -> b (>= 3)
         b 1
         b 2",
        "a",
    );
    insta::assert_snapshot!(said, @r"
    a (1) depends on b (>= 3)
    of `b` there is only 2, 1
    ");
}

#[test]
fn a_conflict_between_requests_is_told_with_both_chains() {
    let said = refusal(
        "a 1 -> b
         b 1 -> c
         c 1
         d 1 -> e
         e 1; conflicts c",
        "a d",
    );
    insta::assert_snapshot!(said, @r"
    d (1) depends on e
    a (1) depends on b
    b (1) depends on c
    e (1) conflicts with c, and both e and c are needed
    ");
}

#[test]
fn a_conflict_through_a_provider_is_told() {
    let said = refusal(
        "exim 1; provides mail; conflicts mail
         postfix 1; provides mail; conflicts mail",
        "exim postfix",
    );
    insta::assert_snapshot!(said, @"exim (1) conflicts with mail, which postfix provides, and both exim and postfix are needed");
}

#[test]
fn an_essential_package_in_the_way_is_told() {
    let said = refusal(
        "a 1; conflicts e
         e 1; essential; installed",
        "a",
    );
    insta::assert_snapshot!(said, @"a (1) conflicts with e, which is not going to be removed");
}

#[test]
fn a_held_package_in_the_way_is_told() {
    let said = refusal(
        "a 1 -> b (>= 2)
         b 1; held; gone
         b 2",
        "a",
    );
    insta::assert_snapshot!(said, @"a (1) depends on b (>= 2), which is not going to be installed");
}

#[test]
fn same_packages_of_two_versions_are_told() {
    let said = refusal(
        "% foreign i386
         lib 2; ma=same
         lib 1; arch=i386; ma=same",
        "lib lib:i386",
    );
    insta::assert_snapshot!(said, @"lib (2) breaks lib:i386, and both lib and lib:i386 are needed");
}

#[test]
fn a_typing_error_gets_suggestions() {
    let said = refusal(
        "openmpi-bin 1
         openmpi-doc 1
         mpich 1",
        "openmpi-bim",
    );
    insta::assert_snapshot!(said, @"no package is called `openmpi-bim`; did you mean openmpi-bin, openmpi-doc?");
}

#[test]
fn an_unknown_name_like_no_other_gets_no_suggestion() {
    insta::assert_snapshot!(refusal("a 1", "octave"), @"no package is called `octave`");
}

#[test]
fn a_virtual_package_lists_its_providers() {
    let said = refusal(
        "postfix 1; provides mail
         exim 1; provides mail",
        "mail",
    );
    insta::assert_snapshot!(said, @"`mail` is a virtual package; name one that provides it: exim, postfix");
}

#[test]
fn a_version_that_does_not_exist_lists_those_that_do() {
    let said = refusal(
        "a 1
         a 2",
        "a=3",
    );
    insta::assert_snapshot!(said, @"`a=3` does not exist; versions of `a`: 2, 1");
}

#[test]
fn a_suite_that_does_not_have_it_lists_the_versions() {
    insta::assert_snapshot!(refusal("a 1", "a/experimental"), @"`a/experimental` does not exist; versions of `a`: 1");
}

#[test]
fn a_package_that_a_pin_forbids_has_no_candidate() {
    let said = refusal(
        "% pin a: release a=main: -1
         a 1",
        "a",
    );
    insta::assert_snapshot!(said, @"package `a` has no candidate: no archive offers it, or its priority forbids it");
}

#[test]
fn a_broken_root_is_told_relation_by_relation() {
    let said = refusal(
        "a 1
         b 1 -> c (>= 2) | d; installed
         c 1; installed
         e 1; conflicts c; installed",
        "a",
    );
    insta::assert_snapshot!(said, @r"
    b (1) depends on c (>= 2) or d
    e (1) conflicts with c
    ");
}
