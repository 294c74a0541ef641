//! The life of a node.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use rustix::mount::MountFlags;

use super::channel::{self, Orders, Reports};
use super::console::{self, uptime};
use super::error::AgentError;
use super::{
    files, identity, install, modules, network, power, processes, root, service, ssh, table,
};
use crate::protocol::{Become, Init, Order, Report, Root, Step, VERSION};

/// Lives as the first process.
pub(super) fn run() -> Result<(), AgentError> {
    let start = Instant::now();
    root::kernel_file_systems()?;
    modules::load("order")?;
    if modules::is_under_xen() {
        modules::load("xen")?;
    }
    let (orders, reports) = channel::open()?;
    reports.send(&Report::Hello { version: VERSION, uptime: uptime() });
    reports.done(Step::Modules, start);
    console::say("the agent runs");
    let reports = Arc::new(reports);
    live(orders, &reports).inspect_err(|error| reports.send(&Report::failed(error)))
}

fn live(mut orders: Orders, reports: &Arc<Reports>) -> Result<(), AgentError> {
    let mut root_is_there = false;
    loop {
        match orders.next() {
            Order::Prepare(order) => {
                root::prepare(&order)?;
                reports.send(&Report::Prepared);
            }
            Order::Become(order) if !root_is_there => {
                come_to_be(&order, reports)?;
                root_is_there = true;
            }
            Order::Install(order) if !root_is_there => install::install(&order, reports)?,
            Order::Become(_) | Order::Install(_) => {
                console::say("this node is somebody already");
            }
            Order::Run(order) => {
                let reports = Arc::clone(reports);
                thread::spawn(move || reports.send(&processes::run_order(&order)));
            }
            Order::Halt => power::off(),
        }
    }
}

/// Makes this machine a node.
fn come_to_be(order: &Become, reports: &Arc<Reports>) -> Result<(), AgentError> {
    let start = Instant::now();
    identity::of_kernel(order)?;
    root::assemble(&order.root)?;
    reports.done(Step::Root, start);
    let start = Instant::now();
    identity::of_root(order)?;
    if order.init == Init::Systemd {
        identity::forget_seed();
    }
    network::set_up(&order.address)?;
    if !order.shared.is_empty() {
        // they lie beside the root, out of reach once it is entered
        modules::load("nfs")?;
    }
    root::furnish()?;
    if order.init == Init::Systemd {
        service::lay_out(order)?;
    }
    root::enter()?;
    if matches!(order.root, Root::Disk(_)) && order.init == Init::Minimal {
        table::mount_all()?;
    }
    reports.done(Step::Identity, start);
    mount_shared(order, reports)?;
    match order.init {
        Init::Systemd => {
            let error = Command::new("/sbin/init").env_clear().exec();
            Err(AgentError::doing("start /sbin/init")(error))
        }
        Init::Minimal => {
            power::listen();
            if !ssh::serve()? {
                console::say("there is no ssh server in this root");
            }
            run_hooks(&order.hooks, reports)?;
            reports.send(&Report::Ready { uptime: uptime() });
            console::say(&format!("{} is ready", order.host_name));
            Ok(())
        }
    }
}

fn mount_shared(order: &Become, reports: &Reports) -> Result<(), AgentError> {
    if order.shared.is_empty() {
        return Ok(());
    }
    let start = Instant::now();
    for shared in &order.shared {
        let target = Path::new(&shared.target);
        files::directory(target)?;
        root::mount_nfs(&shared.server, &shared.source, target, MountFlags::NOSUID)?;
    }
    reports.done(Step::Shared, start);
    Ok(())
}

/// Runs the spec's commands; the first that fails is the last.
pub(super) fn run_hooks(
    hooks: &[crate::protocol::Run],
    reports: &Reports,
) -> Result<(), AgentError> {
    if hooks.is_empty() {
        return Ok(());
    }
    let start = Instant::now();
    for hook in hooks {
        let ran = processes::run_order(hook);
        if let Report::Ran { status, output, .. } = &ran {
            if *status != Some(0) {
                let status =
                    status.map_or("killed".to_owned(), |status| format!("exit status {status}"));
                let (command, said) = (hook.command.clone(), output.trim().to_owned());
                return Err(AgentError::Command { command, status, said });
            }
        }
        reports.send(&ran);
    }
    reports.done(Step::Hooks, start);
    Ok(())
}
