//! Every way in which the tool stack fails, with one that pretends.

mod configurations;
mod cost;
mod failures;
mod tools;

use std::thread;
use std::time::Duration;

use tools::{PATIENCE, Tools, causes};
use vclust_core::{ByteSize, DomainState, Hypervisor, HypervisorProblem};
use vclust_xen::XenOptions;

use DomainState::{Crashed, Off, Paused, Running};

#[test]
fn a_domain_lives_from_its_definition_to_its_removal() {
    let tools = Tools::new();
    let xen = tools.xen();
    let name = tools.define("n1");
    // what is there already is no error, and something else of that name is
    xen.define(&Tools::configuration("n1")).unwrap();
    let mut other = Tools::configuration("n1");
    other.processors = 2;
    let error = xen.define(&other).unwrap_err();
    assert!(matches!(error.problem, HypervisorProblem::InUse), "{error}");
    assert_eq!(xen.state(&name).unwrap(), Off);

    xen.start(&name).unwrap();
    // another process, which opens the same directory, finds it
    let other = tools.xen();
    assert_eq!(other.list().unwrap()[0].state, Running);
    assert_eq!(other.wait(&name, &[Running], PATIENCE).unwrap(), Running);
    let error = xen.start(&name).unwrap_err();
    assert!(matches!(error.problem, HypervisorProblem::State { state: Running }), "{error}");
    assert!(xen.undefine(&name).is_err());
    assert!(xen.console_log(&name, 10).is_err(), "nobody keeps what it says");

    xen.stop(&name, PATIENCE).unwrap();
    assert_eq!((xen.state(&name).unwrap(), tools.calls("destroy").len()), (Off, 0));
    // a scheduler may ask twice
    xen.stop(&name, PATIENCE).unwrap();
    xen.kill(&name).unwrap();
    xen.undefine(&name).unwrap();
    xen.undefine(&name).unwrap();
    assert!(xen.list().unwrap().is_empty());
    assert!(matches!(xen.state(&name).unwrap_err().problem, HypervisorProblem::Unknown));
    assert_eq!(
        std::fs::read_dir(tools.path("own")).unwrap().count(),
        1,
        "the script alone is left"
    );
}

#[test]
fn holds_are_counted_and_all_are_taken_off() {
    let tools = Tools::new();
    let (xen, name) = (tools.xen(), tools.define("n1"));
    xen.start(&name).unwrap();
    xen.pause(&name).unwrap();
    xen.pause(&name).unwrap();
    assert_eq!((xen.state(&name).unwrap(), tools.calls("pause").len()), (Paused, 1));
    // somebody else has held it, too
    tools.change("holds", "3");
    xen.resume(&name).unwrap();
    assert_eq!((xen.state(&name).unwrap(), tools.calls("unpause").len()), (Running, 3));
    // who is held hears nothing, so it goes on before it is asked to end
    tools.change("holds", "2");
    xen.stop(&name, PATIENCE).unwrap();
    assert_eq!(tools.calls("unpause").len(), 5);
    assert!(tools.domains().is_empty());
}

#[test]
fn a_restarted_domain_is_followed_by_its_uuid() {
    let tools = Tools::new();
    let (xen, name) = (tools.xen(), tools.define("n1"));
    xen.start(&name).unwrap();
    let before = tools.domains();
    xen.reboot(&name, PATIENCE).unwrap();
    assert_ne!(before, tools.domains());
    assert_eq!(xen.state(&name).unwrap(), Running);
    xen.balloon(&name, ByteSize::new(64 << 20), PATIENCE).unwrap();
    let error = xen.balloon(&name, ByteSize::new(96 << 20), Duration::ZERO);
    assert!(error.is_ok(), "it has what is wanted when it is looked at: {error:?}");
    xen.kill(&name).unwrap();
    assert!(tools.domains().is_empty());
}

#[test]
fn a_crashed_domain_is_seen_as_such_and_can_be_started_again() {
    let tools = Tools::new();
    let (xen, name) = (tools.xen(), tools.define("n1"));
    xen.start(&name).unwrap();
    tools.change("flags", "---sc-");
    assert_eq!(tools.xen().state(&name).unwrap(), Crashed);
    assert!(xen.pause(&name).is_err() && xen.resume(&name).is_err() && xen.console(&name).is_err());
    xen.start(&name).unwrap();
    assert_eq!((xen.state(&name).unwrap(), tools.domains().len()), (Running, 1));
    tools.change("flags", "---s--");
    assert_eq!(xen.state(&name).unwrap(), Off);
    // what is left of it goes with it
    xen.undefine(&name).unwrap();
    assert!(tools.domains().is_empty());
}

#[test]
fn a_domain_is_saved_and_others_start_from_there() {
    let tools = Tools::new();
    let (xen, name) = (tools.xen(), tools.define("n1"));
    xen.start(&name).unwrap();
    let saved = tools.path("saved");
    std::fs::create_dir(&saved).unwrap();
    xen.save(&name, &saved).unwrap();
    assert_eq!((xen.state(&name).unwrap(), tools.domains().len()), (Off, 0));
    for name in ["n1", "n2", "n3"] {
        let name = tools.define(name);
        xen.restore(&name, &saved).unwrap();
        assert_eq!(xen.state(&name).unwrap(), Running);
    }
    let mut other = Tools::configuration("n4");
    other.memory = ByteSize::new(64 << 20);
    xen.define(&other).unwrap();
    let error = causes(&xen.restore(&other.name, &saved).unwrap_err());
    assert!(error.ends_with("its memory in MiB is 128, and this domain's is 64"), "{error}");
    let error = causes(&xen.save(&name, &saved).unwrap_err());
    assert!(error.contains("is not empty"), "{error}");
    assert_eq!(tools.domains().len(), 3);
}

#[test]
fn sixteen_domains_wait_for_their_turn_and_one_that_fails_disturbs_none() {
    let tools = Tools::new();
    let xen = tools.xen_with(XenOptions { at_once: 3, ..tools.options() });
    tools.on(
        "create",
        "mkdir \"$here/making-$$\"; ls -d \"$here\"/making-* | wc -l >>\"$here/width\"; sleep 0.1; \
         rmdir \"$here/making-$$\"; case $2 in *n7.cfg) echo 'xc_dom_find_loader: no loader found: \
         Invalid kernel' >&2; exit 3;; esac",
    );
    let names: Vec<_> = (1..=16).map(|number| tools.define(&format!("n{number}"))).collect();
    let outcomes: Vec<_> = thread::scope(|scope| {
        let xen = &xen;
        let threads: Vec<_> =
            names.iter().map(|name| scope.spawn(move || (name, xen.start(name)))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for (name, outcome) in outcomes {
        if name.as_str() == "n7" {
            let error = causes(&outcome.unwrap_err());
            assert!(error.contains("Xen does not take its kernel"), "{error}");
            assert_eq!(xen.state(name).unwrap(), Off);
        } else {
            outcome.unwrap();
            assert_eq!(xen.state(name).unwrap(), Running);
        }
    }
    let width = std::fs::read_to_string(tools.path("width")).unwrap();
    let widths: Vec<u32> = width.lines().map(|line| line.trim().parse().unwrap()).collect();
    assert_eq!(widths.iter().max(), Some(&3), "as wide as it may be, and never wider: {widths:?}");
    assert_eq!(tools.domains().len(), 15);
}
