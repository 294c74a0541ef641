//! The agent as a service of systemd, where the spec asks for that.
//!
//! The agent as the first process lays out what the service needs below `/run`, which systemd takes
//! over as it is, and then hands over to the root's own init.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::Arc;
use std::thread;

use super::channel::{self, Reports};
use super::console::uptime;
use super::error::AgentError;
use super::root::ROOT;
use super::{files, processes, start};
use crate::protocol::{Become, Order, Report, Run};

const PROGRAM: &str = "run/vclust/agent";
const HOOKS: &str = "run/vclust/hooks.json";
const UNIT: &str = "\
[Unit]
Description=vclust agent
After=ssh.service network.target
Wants=ssh.service

[Service]
ExecStart=/run/vclust/agent service
Restart=on-failure

[Install]
WantedBy=multi-user.target
";
/// The interface is set up already; systemd only has to know it.
const NETWORK: &str = "\
[Match]
Name=e*

[Network]
KeepConfiguration=yes
LinkLocalAddressing=no
";

/// Puts the service below `/run` of the root.
pub(super) fn lay_out(order: &Become) -> Result<(), AgentError> {
    let root = Path::new(ROOT);
    files::directory(&root.join("run/vclust"))?;
    let program = root.join(PROGRAM);
    let copied = fs::copy("/init", &program)
        .and_then(|_| fs::set_permissions(&program, fs::Permissions::from_mode(0o700)));
    copied.map_err(AgentError::doing("copy the agent into the root"))?;
    let hooks = serde_json::to_string(&order.hooks).unwrap_or_default();
    files::write(&root.join(HOOKS), 0o600, &hooks)?;
    let units = root.join("run/systemd/system");
    let wanted = units.join("multi-user.target.wants");
    files::directory(&wanted)?;
    files::write(&units.join("vclust-agent.service"), 0o644, UNIT)?;
    let link = wanted.join("vclust-agent.service");
    if !link.is_symlink() {
        symlink("../vclust-agent.service", &link)
            .map_err(AgentError::doing("have systemd start the agent"))?;
    }
    if let Some(terminal) = channel::named() {
        // a login there would take the head node's orders for a user's name
        let name = terminal.trim_start_matches("/dev/");
        let link = units.join(format!("serial-getty@{name}.service"));
        if !link.is_symlink() {
            symlink("/dev/null", &link)
                .map_err(AgentError::doing("keep logins from the channel"))?;
        }
    }
    let networks = root.join("run/systemd/network");
    files::directory(&networks)?;
    let address = &order.address;
    let mut network = format!("{NETWORK}Address={}/{}\n", address.address, address.prefix);
    if let Some(gateway) = &address.gateway {
        network.push_str("Gateway=");
        network.push_str(gateway);
        network.push('\n');
    }
    files::write(&networks.join("05-vclust.network"), 0o644, &network)
}

/// Lives as a service.
pub(super) fn run() -> Result<(), AgentError> {
    let (mut orders, reports) = channel::open()?;
    let reports = Arc::new(reports);
    let text = fs::read_to_string(Path::new("/").join(HOOKS)).unwrap_or_default();
    let hooks: Vec<Run> = serde_json::from_str(&text).unwrap_or_default();
    if let Err(error) = start::run_hooks(&hooks, &reports) {
        reports.send(&Report::failed(&error));
        return Err(error);
    }
    reports.send(&Report::Ready { uptime: uptime() });
    loop {
        match orders.next() {
            Order::Run(order) => run_in_background(order, &reports),
            Order::Halt => {
                let mut command = std::process::Command::new("systemctl");
                let time = std::time::Duration::from_secs(60);
                let _ = processes::run(command.arg("poweroff"), time);
            }
            Order::Prepare(_) | Order::Become(_) | Order::Install(_) => {
                super::console::say("this node is somebody already");
            }
        }
    }
}

fn run_in_background(order: Run, reports: &Arc<Reports>) {
    let reports = Arc::clone(reports);
    thread::spawn(move || reports.send(&processes::run_order(&order)));
}
