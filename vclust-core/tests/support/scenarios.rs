//! Every rule of apt's that a closure rests on, as a small universe with requests and answers.
//!
//! The answers are vclust's in `closure_scenarios.rs` and real apt's in `closure_scenarios_apt.rs`:
//! one list, so that what one test expects the other has confirmed.

/// Calls a macro with all scenarios: `name { universe; request => answer, ... }`.
macro_rules! for_each_scenario {
    ($callback:ident) => {
        $callback! {
        // Alternatives and providers

        the_first_alternative_is_taken {
            "a 1 -> b | c
     b 1
     c 1";
            "a" => "a=1 b=1",
            "a c" => "a=1 c=1",
            "c a" => "a=1 c=1",
        }
        an_alternative_that_does_not_exist_is_passed_over {
            "a 1 -> missing | c
c 1";
            "a" => "a=1 c=1",
        }
        an_alternative_of_too_low_a_version_is_passed_over {
            "a 1 -> b (>= 2) | c
     b 1
     c 1";
            "a" => "a=1 c=1",
        }
        an_alternative_that_cannot_be_installed_is_passed_over {
            "a 1 -> b | c
     b 1 -> missing
     c 1";
            "a" => "a=1 c=1",
        }
        an_alternative_that_fails_two_levels_down_is_passed_over {
            "a 1 -> b | c
     b 1 -> d
     d 1 -> missing
     c 1";
            "a" => "a=1 c=1",
        }
        an_installed_alternative_suffices {
            "a 1 -> b | c
     b 1
     c 1; installed";
            "a" => "a=1",
        }
        an_alternative_that_conflicts_with_the_request_is_passed_over {
            "a 1 -> b | c
     b 1; conflicts d
     c 1
     d 1";
            "a d" => "a=1 c=1 d=1",
            "d a" => "a=1 c=1 d=1",
        }
        a_real_package_goes_before_a_provider {
            "a 1 -> mail
     postfix 1; provides mail
     mail 1";
            "a" => "a=1 mail=1",
        }
        a_provider_serves_where_the_real_package_is_too_old {
            "a 1 -> mail (>= 2)
     mail 1
     postfix 1; provides mail (= 2)";
            "a" => "a=1 postfix=1",
        }
        a_provider_without_version_serves_no_versioned_relation {
            "a 1 -> mail (>= 2)
postfix 1; provides mail";
            "a" => "refused",
        }
        a_versioned_provider_serves_when_its_version_fits {
            "a 1 -> mail (>= 2)
     old 1; provides mail (= 1)
     new 1; provides mail (= 3)
     b 1 -> mail (<< 2)
     c 1 -> mail (>> 3)";
            "a" => "a=1 new=1",
            "b" => "b=1 old=1",
            "a b" => "a=1 b=1 new=1 old=1",
            "c" => "refused",
        }
        an_unversioned_relation_takes_a_versioned_provider {
            "a 1 -> mail
postfix 1; provides mail (= 3)";
            "a" => "a=1 postfix=1",
        }
        an_installed_provider_suffices {
            "a 1 -> mail
     exim 1; provides mail
     postfix 1; provides mail; installed";
            "a" => "a=1",
        }
        providers_are_ranked_by_priority {
            "a 1 -> mail
     exim 1; provides mail; priority optional
     postfix 1; provides mail; priority standard
     sendmail 1; provides mail; priority extra";
            "a" => "a=1 postfix=1",
        }
        of_providers_alike_the_requested_one_serves_or_else_the_last {
            "a 1 -> mail
     exim 1; provides mail
     postfix 1; provides mail
     sendmail 1; provides mail";
            "a" => "a=1 sendmail=1",
            "a postfix" => "a=1 postfix=1",
            "a exim" => "a=1 exim=1",
        }
        a_requested_virtual_package_stands_for_its_only_provider {
            "postfix 1 -> libc; provides mail
libc 1";
            "mail" => "libc=1 postfix=1",
        }
        a_requested_virtual_package_with_several_providers_is_refused {
            "postfix 1; provides mail
exim 1; provides mail";
            "mail" => "refused",
            "exim mail" => "refused",
        }
        only_the_provider_that_is_a_candidate_counts {
            "postfix 1; provides mail
     postfix 2
     exim 1; provides mail
     a 1 -> mail";
            "mail" => "exim=1",
            "a" => "a=1 exim=1",
        }
        unknown_names_are_refused {
            "a 1";
            "b" => "refused",
            "a b" => "refused",
            "b-" => "refused",
        }

        // Versions

        every_operator_of_a_relation_counts {
            "b 2
     lt 1 -> b (<< 2)
     le 1 -> b (<= 2)
     eq 1 -> b (= 2)
     ge 1 -> b (>= 2)
     gt 1 -> b (>> 2)";
            "lt" => "refused",
            "le" => "b=2 le=1",
            "eq" => "b=2 eq=1",
            "ge" => "b=2 ge=1",
            "gt" => "refused",
        }
        the_highest_version_is_the_candidate {
            "a 1
     a 2
     a 1:0.5
     a 1:0.5~rc1";
            "a" => "a=1:0.5",
        }
        a_requested_version_is_taken {
            "a 1 -> b
     a 2 -> c
     b 1
     c 1";
            "a=1" => "a=1 b=1",
            "a=2" => "a=2 c=1",
            "a=3" => "refused",
            "a" => "a=2 c=1",
        }
        a_version_pattern_takes_the_highest_match {
            "a 1.1
     a 1.2
     a 2";
            "a=1*" => "a=1.2",
            "a=1.1" => "a=1.1",
        }
        a_requested_version_draws_no_other_old_versions {
            "a 1 -> b (= 1)
     a 2 -> b (= 2)
     b 1
     b 2";
            "a=1" => "refused",
            "a=1 b=1" => "a=1 b=1",
            "a=1 b" => "refused",
        }
        a_requested_version_may_downgrade {
            "a 1
     a 2; installed
     b 1 -> a (>= 2); installed";
            "a=1" => "a=1 -b=1",
        }
        the_last_of_two_versions_of_one_package_wins {
            "a 1
a 2";
            "a=1 a=2" => "a=2",
            "a=2 a=1" => "a=1",
        }

        // Conflicts, Breaks, Replaces

        conflicting_requests_are_refused {
            "a 1; conflicts b
b 1";
            "a b" => "refused",
            "b a" => "refused",
        }
        a_conflict_with_an_installed_package_removes_it {
            "a 1; conflicts b
b 1; installed";
            "a" => "a=1 -b=1",
        }
        an_installed_package_that_conflicts_is_removed {
            "a 1
b 1; conflicts a; installed";
            "a" => "a=1 -b=1",
        }
        what_depends_on_a_removed_package_goes_with_it {
            "a 1; conflicts b
     b 1; installed
     c 1 -> b; installed
     d 1 -> c; installed";
            "a" => "a=1 -b=1 -c=1 -d=1",
        }
        a_versioned_conflict_upgrades_what_it_can {
            "a 1; conflicts b (<< 2)
     b 1; installed; gone
     b 2";
            "a" => "a=1 b=2",
        }
        a_break_upgrades_what_it_can {
            "a 1; breaks b (<< 2)
     b 1; installed; gone
     b 2";
            "a" => "a=1 b=2",
        }
        a_break_that_no_upgrade_mends_removes {
            "a 1; breaks b (<< 3)
     b 1; installed; gone
     b 2";
            "a" => "a=1 -b=1",
        }
        a_break_of_a_version_that_is_not_there_is_nothing {
            "a 1; breaks b (<< 1)
b 1; installed";
            "a" => "a=1",
        }
        a_conflict_with_a_provided_name_spares_oneself {
            "exim 1; provides mail; conflicts mail; replaces mail
     postfix 1; provides mail; conflicts mail; replaces mail; installed
     a 1 -> mail";
            "exim" => "exim=1 -postfix=1",
            "a" => "a=1",
            "exim postfix" => "refused",
            "postfix" => "nothing",
        }
        a_versioned_conflict_passes_over_providers_without_version {
            "a 1; conflicts mail (<< 2)
     postfix 1; provides mail
     exim 1; provides mail (= 1)";
            "a postfix" => "a=1 postfix=1",
            "a exim" => "refused",
        }
        a_replacement_takes_the_place_of_its_forerunner {
            "new 2; conflicts old; replaces old; provides old
     old 1; installed
     user 1 -> old; installed";
            "new" => "new=2 -old=1",
        }
        replaces_alone_removes_nothing {
            "a 1; replaces b
b 1; installed";
            "a" => "a=1",
        }
        of_two_conflicting_alternatives_the_one_that_fits_is_taken {
            "a 1 -> b, c | d
     b 1; conflicts c
     c 1
     d 1";
            "a" => "a=1 b=1 d=1",
        }

        // Pre-Depends and cycles

        pre_depends_are_installed {
            "a 1; pre b
     b 1; pre c
     c 1";
            "a" => "a=1 b=1 c=1",
        }
        a_missing_pre_dependency_is_refused {
            "a 1; pre b
b 1; pre missing";
            "a" => "refused",
        }
        cycles_are_installed_together {
            "a 1 -> b
     b 1 -> c
     c 1 -> a";
            "a" => "a=1 b=1 c=1",
            "c" => "a=1 b=1 c=1",
        }
        a_package_may_depend_on_itself {
            "a 1 -> a
b 1 -> v; provides v";
            "a" => "a=1",
            "b" => "b=1",
        }
        a_cycle_with_a_missing_member_is_refused {
            "a 1 -> b
     b 1 -> c
     c 1 -> a, missing";
            "a" => "refused",
        }

        // Essential and important

        an_essential_package_is_not_removed {
            "a 1; conflicts e
e 1; essential; installed";
            "a" => "refused",
        }
        an_important_package_is_not_removed {
            "a 1; conflicts e
e 1; important; installed";
            "a" => "refused",
        }
        a_protected_package_is_not_removed {
            "a 1; conflicts e
e 1; protected; installed";
            "a" => "refused",
        }
        apt_itself_is_not_removed {
            "a 1; conflicts apt
apt 1; installed";
            "a" => "refused",
        }
        what_an_essential_package_needs_may_change_hands {
            "a 1; conflicts b
     b 1; installed
     c 1
     e 1; pre b | c; essential; installed";
            "a" => "a=1 c=1 -b=1",
        }
        what_an_essential_package_needs_is_not_removed {
            "a 1; conflicts b
     b 1; installed
     e 1 -> b; essential; installed";
            "a" => "refused",
        }
        an_essential_package_is_upgraded_where_needed {
            "a 1 -> e (>= 2)
     e 1; essential; installed; gone
     e 2; essential";
            "a" => "a=1 e=2",
        }
        an_essential_package_not_installed_is_not_drawn_in {
            "a 1
e 1; essential";
            "a" => "a=1",
        }

        // Recommends and Suggests

        recommended_packages_are_installed_on_demand {
            "a 1; recommends b; suggests c
     b 1; recommends d
     c 1
     d 1";
            "a" => "a=1",
            "--recommends a" => "a=1 b=1 d=1",
        }
        a_recommendation_that_cannot_be_fulfilled_is_dropped {
            "a 1; recommends missing, b, c
     b 1 -> missing
     c 1";
            "--recommends a" => "a=1 c=1",
        }
        a_recommendation_that_conflicts_with_the_request_is_dropped {
            "a 1; recommends c
     b 1
     c 1; conflicts b";
            "--recommends a b" => "a=1 b=1",
            "--recommends b a" => "a=1 b=1",
        }
        a_recommendation_takes_its_first_alternative {
            "a 1; recommends b | c
     b 1
     c 1";
            "--recommends a" => "a=1 b=1",
            "--recommends a c" => "a=1 c=1",
        }
        an_upgrade_draws_in_new_recommendations_only {
            "a 1; recommends old; installed; gone
     a 2; recommends old, new
     old 1
     new 1";
            "a" => "a=2",
            "--recommends a" => "a=2 new=1",
        }
        a_recommendation_removes_nothing {
            "a 1; recommends b
     b 1; conflicts c
     c 1; installed";
            "--recommends a" => "a=1 b=1 -c=1",
        }

        // What is installed

        an_installed_package_stays_as_it_is {
            "a 1 -> b
     b 1; installed; gone
     b 2";
            "a" => "a=1",
        }
        a_requested_package_is_upgraded {
            "a 1; installed; gone
     a 2 -> b
     b 1";
            "a" => "a=2 b=1",
        }
        a_dependency_is_upgraded_when_its_version_demands_it {
            "a 1 -> b (>= 2)
     b 1; installed; gone
     b 2";
            "a" => "a=1 b=2",
        }
        an_upgrade_takes_along_what_depends_on_the_old_version {
            "a 1 -> b (>= 2)
     b 1; installed; gone
     b 2
     c 1 -> b (= 1); installed; gone
     c 2 -> b (= 2)";
            "a" => "a=1 b=2 c=2",
        }
        an_upgrade_removes_what_cannot_follow {
            "a 1 -> b (>= 2)
     b 1; installed; gone
     b 2
     c 1 -> b (= 1); installed";
            "a" => "a=1 b=2 -c=1",
        }
        packages_of_one_source_are_upgraded_together {
            "lib 1; source s; installed; gone
     lib 2; source s
     tool 1; source s; installed; gone
     tool 2; source s
     other 1; installed; gone
     other 2
     a 1 -> lib (>= 2)";
            "a" => "a=1 lib=2 tool=2",
            "lib" => "lib=2 tool=2",
        }
        a_held_package_is_not_upgraded_for_others {
            "a 1 -> b (>= 2)
     b 1; held; gone
     b 2";
            "a" => "refused",
        }
        a_held_package_is_not_removed_for_others {
            "a 1; conflicts b
b 1; held";
            "a" => "refused",
        }
        a_held_package_is_upgraded_when_it_is_requested {
            "b 1; held; gone
b 2";
            "b" => "b=2",
        }
        an_alternative_spares_a_held_package {
            "a 1 -> b (>= 2) | c
     b 1; held; gone
     b 2
     c 1";
            "a" => "a=1 c=1",
        }
        the_installed_version_may_be_higher_than_the_archives {
            "a 2; installed; gone
     a 1
     b 1 -> a (= 1)
     c 1 -> a";
            "a" => "nothing",
            "b" => "refused",
            "c" => "c=1",
        }
        configuration_files_are_not_a_package {
            "a 1 -> b
b 1; config-files";
            "a" => "a=1 b=1",
            "b" => "b=1",
        }
        an_installed_package_that_no_archive_has_serves {
            "a 1 -> b
b 1; installed; gone";
            "a" => "a=1",
            "b" => "nothing",
        }
        a_broken_root_is_refused {
            "a 1
     b 1 -> c; installed
     c 1";
            "a" => "refused",
        }
        a_rebuilt_package_of_equal_version_is_not_the_installed_one {
            "a 1 -> b; installed; gone
     a 1 -> c
     b 1; installed
     c 1
     d 1 -> a (= 1)";
            "d" => "d=1",
            "a" => "a=1 c=1",
        }

        // Removals in a request

        a_removal_removes_what_depends_on_it {
            "a 1
     b 1; installed
     c 1 -> b; installed";
            "a b-" => "a=1 -b=1 -c=1",
            "b-" => "-b=1 -c=1",
        }
        a_removal_keeps_a_package_out {
            "a 1 -> b | c
     b 1
     c 1";
            "a b-" => "a=1 c=1",
            "b- a" => "a=1 c=1",
            "a b- c-" => "refused",
        }
        a_removal_of_a_recommended_package_keeps_it_out {
            "a 1; recommends b
b 1";
            "--recommends a b-" => "a=1",
        }
        a_removal_of_what_is_not_installed_asks_for_nothing {
            "a 1
b 1";
            "b-" => "nothing",
            "a b-" => "a=1",
        }
        a_name_may_end_in_a_sign {
            "g++ 1 -> gcc
     gcc 1
     g 1; installed";
            "g++" => "g++=1 gcc=1",
            "g-" => "-g=1",
            "gcc+" => "gcc=1",
        }
        a_removal_lets_an_alternative_take_over_if_it_is_requested {
            "b 1; installed
     c 1
     d 1 -> b | c; installed";
            "b-" => "-b=1 -d=1",
            "c b-" => "c=1 -b=1",
        }
        a_package_requested_and_removed_is_requested {
            "a 1";
            "a a-" => "a=1",
            "a- a" => "a=1",
        }

        // Suites and pins

        a_not_automatic_suite_is_not_drawn_from {
            "% suite experimental not-automatic
     a 1
     a 2; suite=experimental
     b 1; suite=experimental
     c 1 -> a (>= 2)";
            "a" => "a=1",
            "b" => "b=1",
            "c" => "refused",
            "a/experimental" => "a=2",
            "a=2" => "a=2",
            "-t experimental a" => "a=2",
            "-t experimental c" => "a=2 c=1",
            "c a/experimental" => "a=2 c=1",
        }
        backports_upgrade_what_came_from_them {
            "% suite backports not-automatic but-automatic-upgrades
     a 1
     a 2; suite=backports
     b 1
     b 2; suite=backports; installed; gone
     b 3; suite=backports";
            "a" => "a=1",
            "b" => "b=3",
        }
        a_suite_is_followed_by_what_needs_it {
            "% suite experimental not-automatic
     a 1 -> b
     a 2 -> b (>= 2), c; suite=experimental
     b 1
     b 2 -> d (>= 2); suite=experimental
     c 1
     c 2; suite=experimental
     d 1
     d 2; suite=experimental";
            "a/experimental" => "a=2 b=2 c=1 d=2",
            "a/main" => "a=1 b=1",
            "a/unknown" => "refused",
        }
        a_pin_raises_a_package {
            "% suite experimental not-automatic
     % pin a: release a=experimental: 600
     a 1
     a 2; suite=experimental
     b 1
     b 2; suite=experimental";
            "a b" => "a=2 b=1",
        }
        a_pin_on_a_version_holds_it {
            "% pin a: version 1*: 1001
     a 1.5
     a 2; installed";
            "a" => "a=1.5",
        }
        a_pin_below_a_thousand_does_not_downgrade {
            "% pin a: version 1*: 900
     a 1.5
     a 2; installed
     b 1 -> a (<< 2)";
            "a" => "nothing",
            "b" => "refused",
        }
        a_negative_pin_forbids_a_package {
            "% pin b: release a=main: -1
     a 1 -> b | c
     b 1
     c 1";
            "a" => "a=1 c=1",
            "b" => "refused",
        }
        a_pin_on_everything_ranks_suites {
            "% suite testing
     % pin *: release a=testing: 200
     a 1
     a 2; suite=testing
     b 2; suite=testing
     c 1 -> a (>= 2)";
            "a" => "a=1",
            "b" => "b=2",
            "c" => "refused",
            "-t testing c" => "a=2 c=1",
        }
        suites_of_equal_priority_give_the_highest_version {
            "% suite security
     a 1
     a 1.1; suite=security
     b 2
     b 1; suite=security";
            "a b" => "a=1.1 b=2",
            "a/main" => "a=1",
        }
        }
    };
}
