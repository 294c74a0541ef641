//! What the tool stack does wrong, and what is told about it.

use std::time::{Duration, Instant};

use vclust_core::{DomainState, Hypervisor, HypervisorProblem};
use vclust_xen::XenOptions;

use crate::tools::{PATIENCE, Tools, causes};

#[test]
fn success_is_not_believed() {
    let tools = Tools::new();
    let (xen, name) = (tools.xen(), tools.define("n1"));
    xen.start(&name).unwrap();
    tools.on("pause", "exit 0");
    let error = causes(&xen.pause(&name).unwrap_err());
    assert!(
        error.ends_with("`xl pause` says that it is done, but the domain is running"),
        "{error}"
    );
    tools.forget("pause");
    xen.pause(&name).unwrap();
    tools.on("unpause", "exit 0");
    let error = causes(&xen.resume(&name).unwrap_err());
    assert!(
        error.ends_with("`xl unpause` says that it is done, but the domain is paused"),
        "{error}"
    );
    tools.forget("unpause");
    let saved = tools.path("saved");
    std::fs::create_dir(&saved).unwrap();
    tools.on("save", "echo half >\"$3\"; exit 0");
    let error = causes(&xen.save(&name, &saved).unwrap_err());
    assert!(error.contains("`xl save` says that it is done, but the domain is running"), "{error}");
    assert_eq!(std::fs::read_dir(&saved).unwrap().count(), 0, "half a state is none");
}

#[test]
fn what_is_gone_when_it_is_to_be_removed_is_gone() {
    let tools = Tools::new();
    let (xen, name) = (tools.xen(), tools.define("n1"));
    xen.start(&name).unwrap();
    // somebody else is faster, so that the command fails
    tools.on("destroy", "rm \"$here/domains/$2\"; echo 'destroy failed (rc=-21)' >&2; exit 1");
    xen.kill(&name).unwrap();
    assert_eq!(xen.state(&name).unwrap(), DomainState::Off);
}

#[test]
fn a_guest_that_ignores_its_shutdown_is_removed_at_the_deadline() {
    let tools = Tools::new();
    let (xen, name) = (tools.xen(), tools.define("n1"));
    for script in ["exit 0", "sleep 60", "echo 'guest did not acknowledge' >&2; exit 1"] {
        tools.on("shutdown", script);
        xen.start(&name).unwrap();
        let start = Instant::now();
        xen.stop(&name, Duration::from_secs(1)).unwrap();
        assert!(start.elapsed() < PATIENCE / 2, "{script}: {:?}", start.elapsed());
        assert_eq!(xen.state(&name).unwrap(), DomainState::Off, "{script}");
    }
}

#[test]
fn half_a_domain_is_removed() {
    let tools = Tools::new();
    let (xen, name) = (tools.xen(), tools.define("n1"));
    // it fails after it has made the domain, as it does when a device cannot be attached
    tools.on(
        "create",
        "holds=1; make \"$2\"; \
         echo 'libxl: error: libxl_create.c:1921: unable to add vif devices' >&2; exit 3",
    );
    let error = causes(&xen.start(&name).unwrap_err());
    assert!(error.contains("its network interfaces cannot be attached"), "{error}");
    assert!(error.contains("xen-netback"), "{error}");
    assert_eq!(tools.calls("destroy"), ["destroy 1"]);
    assert!(tools.domains().is_empty());
}

#[test]
fn a_name_that_is_taken_and_memory_that_is_not_there_are_refused_before_anything_starts() {
    let tools = Tools::new();
    let (xen, name) = (tools.xen(), tools.define("n1"));
    let foreign = "name='n1'\nuuid=12345678-1234-4234-8234-1234567890ab\nmemory=1\nprocessors=1\n\
                   flags=-b----\nreason=-\nholds=0\n";
    std::fs::create_dir(tools.path("domains")).unwrap();
    tools.write("domains/5", foreign);
    let error = causes(&xen.start(&name).unwrap_err());
    assert!(error.contains("another domain of that name, number 5"), "{error}");
    xen.kill(&name).unwrap();
    assert_eq!(tools.domains(), ["5"], "what is not ours is left alone");

    std::fs::remove_file(tools.path("domains/5")).unwrap();
    let information = std::fs::read_to_string(tools.path("info")).unwrap();
    tools.write("info", &information.replace("free_memory : 1000", "free_memory : 130"));
    let error = xen.start(&name).unwrap_err();
    assert!(matches!(error.problem, HypervisorProblem::Memory { .. }), "{}", causes(&error));
    assert_eq!(
        causes(&error),
        "cannot start the domain n1: it needs 134MiB of memory, and the host has 130MiB left"
    );
    // where the control domain's memory is not fixed, the tool stack makes room
    tools.write("info", &information.replace("1000", "0").replace("dom0_mem=512M,max:512M", ""));
    xen.start(&name).unwrap();
    assert_eq!(tools.calls("create").len(), 1);
}

#[test]
fn what_the_tool_stack_says_becomes_a_reason() {
    let tools = Tools::new();
    let (xen, name) = (tools.xen(), tools.define("n1"));
    let cases = [
        (
            "xencall: error: Could not obtain handle on privileged command interface: No such file or directory",
            "not the control domain of a Xen host",
        ),
        (
            "xencall: error: Could not obtain handle on privileged command interface: Permission denied",
            "run vclust as root",
        ),
        (
            "libxl: error: Domain 2:Unable to set disk defaults for disk 0",
            "its disks cannot be attached",
        ),
        (
            "xc_dom_boot_mem_init: can't allocate low memory for domain: Out of memory",
            "Out of memory",
        ),
        ("something new", "the hypervisor failed; it said: something new"),
    ];
    for (said, expected) in cases {
        tools.on("create", &format!("echo \"{said}\" >&2; exit 3"));
        let error = causes(&xen.start(&name).unwrap_err());
        assert!(error.starts_with("cannot start the domain n1: "), "{error}");
        assert!(error.contains(expected), "{error}");
    }
    tools.on("create", "exit 3");
    let error = causes(&xen.start(&name).unwrap_err());
    assert!(error.ends_with("it said: exit status: 3"), "{error}");
    tools.on("list", "echo 'Name ID'; echo 'what is this'; exit 0");
    let error = causes(&xen.state(&name).unwrap_err());
    assert!(error.contains("`xl list -v` cannot be understood"), "{error}");
    assert!(error.ends_with("line 2 is no domain: what is this"), "{error}");
    let options = XenOptions { programs: Some(tools.path("nowhere")), ..tools.options() };
    let error = causes(&tools.xen_with(options).state(&name).unwrap_err());
    assert!(error.ends_with("`apt-get install xen-utils-common` installs it"), "{error}");
}

#[test]
fn a_call_that_hangs_ends_at_its_deadline_and_says_whether_the_store_does_so_too() {
    let tools = Tools::new();
    let deadline = Duration::from_secs(2);
    let xen = tools.xen_with(XenOptions { answer: deadline, ..tools.options() });
    let name = tools.define("n1");
    tools.on("list", "sleep 60");
    let start = Instant::now();
    let error = xen.state(&name).unwrap_err();
    assert!(start.elapsed() < deadline + PATIENCE / 2);
    assert!(matches!(error.problem, HypervisorProblem::Late { .. }), "{}", causes(&error));

    tools.on("read", "sleep 60");
    let start = Instant::now();
    let error = causes(&xen.list().unwrap_err());
    assert!(start.elapsed() < deadline + PATIENCE / 2);
    assert!(error.contains("xenstored does not answer"), "{error}");
    assert!(error.contains("`xl list` did so for"), "{error}");
}

#[test]
fn a_creation_that_hangs_is_ended_and_what_it_has_made_removed() {
    let tools = Tools::new();
    let xen = tools.xen_with(XenOptions { patience: Duration::from_secs(2), ..tools.options() });
    let name = tools.define("n1");
    tools.on("create", "make \"$2\"; sleep 60");
    let error = xen.start(&name).unwrap_err();
    assert!(matches!(error.problem, HypervisorProblem::Late { .. }), "{}", causes(&error));
    assert_eq!(xen.state(&name).unwrap(), DomainState::Off);
    assert!(tools.domains().is_empty());
    tools.forget("create");
    xen.start(&name).unwrap();
}
