//! The rules of Multi-Arch as small universes with requests and answers, as `scenarios.rs` has the
//! others.

/// Calls a macro with all scenarios of more than one architecture.
macro_rules! for_each_multi_arch_scenario {
    ($callback:ident) => {
        $callback! {
        without_the_field_only_the_own_architecture_serves {
            "% foreign i386
     a 1 -> b; arch=i386
     b 1
     c 1 -> d
     d 1; arch=i386";
            "a:i386" => "refused",
            "c" => "refused",
        }
        a_foreign_package_serves_every_architecture {
            "% foreign i386
     a 1 -> tool; arch=i386
     tool 1; ma=foreign
     b 1 -> other
     other 1; arch=i386; ma=foreign";
            "a:i386" => "a:i386=1 tool=1",
            "b" => "b=1 other:i386=1",
        }
        a_foreign_package_of_the_native_architecture_goes_first {
            "% foreign i386
     a 1 -> tool; arch=i386
     tool 1; ma=foreign
     tool 1; arch=i386; ma=foreign
     b 1 -> tool";
            "a:i386" => "a:i386=1 tool=1",
            "b" => "b=1 tool=1",
        }
        an_allowed_package_serves_who_asks_for_any {
            "% foreign i386
     a 1 -> perl:any; arch=i386
     b 1 -> perl; arch=i386
     perl 1; ma=allowed";
            "a:i386" => "a:i386=1 perl=1",
            "b:i386" => "refused",
        }
        any_takes_only_allowed_packages {
            "% foreign i386
     a 1 -> plain:any
     b 1 -> same:any
     c 1 -> foreign:any
     plain 1
     same 1; ma=same
     foreign 1; ma=foreign";
            "a" => "refused",
            "b" => "refused",
            "c" => "refused",
        }
        any_counts_versions {
            "a 1 -> perl:any (>= 5)
     b 1 -> perl:any (>= 6)
     perl 5; ma=allowed";
            "a" => "a=1 perl=5",
            "b" => "refused",
        }
        any_takes_providers_that_are_allowed {
            "a 1 -> perl:any
     perl5 1; provides perl; ma=allowed
     b 1 -> awk:any
     gawk 1; provides awk";
            "a" => "a=1 perl5=1",
            "b" => "refused",
        }
        any_prefers_the_native_architecture {
            "% foreign i386
     perl 1; arch=i386; ma=allowed
     perl 1; ma=allowed
     a 1 -> perl:any
     b 1 -> perl:any; arch=i386";
            "a" => "a=1 perl=1",
            "b:i386" => "b:i386=1 perl=1",
        }
        a_qualified_relation_takes_that_architecture {
            "% foreign i386
     a 1 -> b:i386
     b 1
     b 1; arch=i386
     c 1 -> d:amd64; arch=i386
     d 1";
            "a" => "a=1 b:i386=1",
            "c:i386" => "c:i386=1 d=1",
        }
        a_native_relation_takes_the_native_architecture {
            "% foreign i386
     a 1 -> b:native; arch=i386
     b 1
     b 1; arch=i386
     c 1 -> b:native";
            "c" => "b=1 c=1",
            "a:i386" => "a:i386=1 b=1",
        }
        a_qualified_relation_takes_only_allowed_providers {
            "% foreign i386
     a 1 -> b:armhf
     c 1 -> v:i386
     p 1; provides v; arch=i386
     q 1; provides v";
            "a" => "refused",
            "c" => "c=1 p:i386=1",
        }
        same_packages_are_installed_side_by_side {
            "% foreign i386
     lib 1; ma=same
     lib 1; arch=i386; ma=same
     a 1 -> lib
     b 1 -> lib; arch=i386";
            "lib lib:i386" => "lib:i386=1 lib=1",
            "a b:i386" => "a=1 b:i386=1 lib:i386=1 lib=1",
        }
        same_packages_of_different_versions_exclude_each_other {
            "% foreign i386
     lib 2; ma=same
     lib 1; arch=i386; ma=same";
            "lib lib:i386" => "refused",
            "lib" => "lib=2",
            "lib:i386" => "lib:i386=1",
        }
        same_packages_are_upgraded_in_step {
            "% foreign i386
     lib 1; ma=same; installed; gone
     lib 1; arch=i386; ma=same; installed; gone
     lib 2; ma=same
     lib 2; arch=i386; ma=same
     a 1 -> lib (>= 2)";
            "lib" => "lib:i386=2 lib=2",
            "lib:i386" => "lib:i386=2 lib=2",
            "a" => "a=1 lib:i386=2 lib=2",
        }
        a_same_package_draws_its_installed_sibling_to_a_new_version {
            "% foreign i386
     lib 1; ma=same; installed; gone
     lib 2; ma=same
     lib 2; arch=i386; ma=same
     b 1 -> lib; arch=i386";
            "b:i386" => "b:i386=1 lib:i386=2 lib=2",
        }
        a_same_package_whose_sibling_cannot_follow {
            "% foreign i386
     lib 1; ma=same; installed; gone
     lib 1; arch=i386; ma=same; installed
     lib 2; ma=same
     a 1 -> lib (>= 2)
     b 1 -> lib; arch=i386; installed";
            "a" => "refused",
            "lib" => "lib=2 -b:i386=1 -lib:i386=1",
        }
        siblings_of_other_packages_exclude_each_other {
            "% foreign i386
     a 1
     a 1; arch=i386
     b 1; installed
     b 1; arch=i386
     c 1; ma=foreign
     c 1; arch=i386; ma=foreign";
            "a a:i386" => "refused",
            "b:i386" => "b:i386=1 -b=1",
            "c c:i386" => "refused",
        }
        a_sibling_takes_the_place_of_an_installed_one_with_its_dependants {
            "% foreign i386
     b 1; installed
     b 1; arch=i386
     c 1 -> b; installed
     d 1 -> b; arch=i386";
            "d:i386" => "b:i386=1 d:i386=1 -b=1 -c=1",
        }
        packages_for_all_architectures_are_native {
            "% foreign i386
     data 1; arch=all
     data2 1; arch=all; ma=foreign
     a 1 -> data
     b 1 -> data; arch=i386
     c 1 -> data2; arch=i386";
            "a" => "a=1 data=1",
            "b:i386" => "refused",
            "c:i386" => "c:i386=1 data2=1",
            "data:all" => "data=1",
            "data:native" => "data=1",
        }
        a_name_with_architecture_is_that_package {
            "% foreign i386
     a 1
     a 2; arch=i386
     b 1; arch=i386";
            "a:i386" => "a:i386=2",
            "a:amd64" => "a=1",
            "b" => "b:i386=1",
            "b:amd64" => "refused",
            "a:armhf" => "refused",
            "a:i386=2" => "a:i386=2",
            "a:i386=1" => "refused",
        }
        a_removal_may_name_an_architecture {
            "% foreign i386
     lib 1; ma=same; installed
     lib 1; arch=i386; ma=same; installed
     a 1 -> lib; installed
     b 1 -> lib; arch=i386; installed";
            "lib:i386-" => "-b:i386=1 -lib:i386=1",
            "lib-" => "-a=1 -lib=1",
        }
        packages_of_other_architectures_are_passed_over {
            "a 1; arch=i386
b 1 -> a";
            "a" => "refused",
            "b" => "refused",
        }
        foreign_providers_serve_if_they_are_foreign {
            "% foreign i386
     a 1 -> mail
     p 1; arch=i386; provides mail
     b 1 -> news
     q 1; arch=i386; provides news; ma=foreign";
            "a" => "refused",
            "b" => "b=1 q:i386=1",
        }
        a_conflict_reaches_other_architectures {
            "% foreign i386
     a 1; conflicts b
     b 1; arch=i386; installed
     c 1; conflicts d:i386
     d 1; arch=i386; installed
     e 1; breaks f
     f 1; arch=i386; installed";
            "a" => "a=1 -b:i386=1",
            "c" => "c=1 -d:i386=1",
            "e" => "e=1 -f:i386=1",
        }
        a_same_package_may_conflict_with_its_own_name {
            "% foreign i386
     lib 1; ma=same; conflicts lib; provides v
     lib 1; arch=i386; ma=same; conflicts lib
     m 1; ma=same; provides mv; conflicts mv
     m 1; arch=i386; ma=same; provides mv; conflicts mv";
            "lib lib:i386" => "lib:i386=1 lib=1",
            "m m:i386" => "m:i386=1 m=1",
        }
        a_conflict_with_a_foreign_provider {
            "% foreign i386
     a 1; conflicts v
     p 1; arch=i386; provides v; installed
     b 1; conflicts w
     q 1; arch=i386; provides w; ma=foreign; installed";
            "a" => "a=1 -p:i386=1",
            "b" => "b=1 -q:i386=1",
        }
        a_versioned_break_of_another_architecture {
            "% foreign i386
     a 1; breaks lib (<< 2)
     lib 1; arch=i386; ma=same; installed; gone
     lib 2; arch=i386; ma=same
     lib 2; ma=same";
            "a" => "a=1 lib:i386=2",
        }
        a_development_package_for_another_architecture {
            "% foreign arm64
     dev 1 -> lib (= 1), tool, headers; ma=same; arch=arm64
     dev 1 -> lib (= 1), tool, headers; ma=same
     lib 1 -> libc; ma=same; arch=arm64
     lib 1 -> libc; ma=same
     libc 1; ma=same; arch=arm64
     libc 1; ma=same; installed
     tool 1; ma=foreign; arch=arm64
     tool 1; ma=foreign
     headers 1; arch=all; ma=foreign";
            "dev:arm64" => "dev:arm64=1 headers=1 lib:arm64=1 libc:arm64=1 tool=1",
            "dev dev:arm64" => "dev:arm64=1 dev=1 headers=1 lib:arm64=1 lib=1 libc:arm64=1 tool=1",
        }
        recommendations_of_foreign_packages {
            "% foreign i386
     a 1; arch=i386; recommends b, c
     b 1
     c 1; ma=foreign";
            "--recommends a:i386" => "a:i386=1 c=1",
        }
        the_architecture_of_an_installed_package_may_be_unknown {
            "a 1 -> b
     b 1; arch=armhf; installed; gone
     b 1";
            "a" => "a=1 b=1 -b:armhf=1",
        }
        a_package_of_an_unknown_architecture_serves_nobody_else {
            "a 1 -> tool
     b 1 -> perl:any
     tool 1; arch=armhf; ma=foreign; installed; gone
     perl 1; arch=armhf; ma=allowed; installed; gone
     p 1; arch=armhf; ma=foreign; provides mail; installed; gone
     c 1 -> mail";
            "a" => "refused",
            "b" => "refused",
            "c" => "refused",
        }
        a_version_may_end_in_a_sign {
            "a 1; installed
     a 2+
     a 2";
            "a=2+" => "a=2+",
            "a=1-" => "-a=1",
            "a=2++" => "a=2+",
            "a/main-" => "-a=1",
        }
        a_conflict_holds_for_foreign_owners_too {
            "% foreign i386
     a 1; arch=i386; conflicts b, v
     b 1; installed
     p 1; provides v; installed
     c 1; arch=i386; breaks libc (<< 2)
     libc 1; ma=same; installed; gone
     libc 2; ma=same";
            "a:i386" => "a:i386=1 -b=1 -p=1",
            "c:i386" => "c:i386=1 libc=2",
        }
        three_architectures_in_step {
            "% foreign i386
     % foreign arm64
     lib 1; ma=same; installed; gone
     lib 1; arch=i386; ma=same; installed; gone
     lib 1; arch=arm64; ma=same; installed; gone
     lib 2; ma=same
     lib 2; arch=i386; ma=same
     lib 2; arch=arm64; ma=same
     a 1 -> t:any
     t 1; arch=arm64; ma=allowed
     t 1; arch=i386; ma=allowed";
            "lib:arm64" => "lib:arm64=2 lib:i386=2 lib=2",
            "a" => "a=1 t:i386=1",
        }
        }
    };
}
