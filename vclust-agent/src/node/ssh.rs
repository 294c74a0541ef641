//! Logins: the agent takes connections, and each gets an OpenSSH server of its own.
//!
//! A server that waits would have to be started in every node before anybody logs in. One for each
//! connection costs what OpenSSH does anyway: it executes itself again for each.

use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::console;
use super::error::AgentError;
use super::processes;

const SERVER: &str = "/usr/sbin/sshd";
const PORT: u16 = 22;
/// Most connections at once.
const MOST: usize = 200;

/// Serves logins from now on; false if the root has no server for them.
pub(super) fn serve() -> Result<bool, AgentError> {
    if !std::path::Path::new(SERVER).exists() {
        return Ok(false);
    }
    let listener = TcpListener::bind(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, PORT))
        .map_err(AgentError::doing("listen for logins"))?;
    thread::spawn(move || {
        let open = Arc::new(AtomicUsize::new(0));
        for connection in listener.incoming() {
            match connection {
                Ok(connection) if open.load(Ordering::Relaxed) < MOST => {
                    answer(connection, Arc::clone(&open));
                }
                // whoever comes when all are busy is turned away
                Ok(_) => {}
                Err(_) => thread::sleep(std::time::Duration::from_millis(20)),
            }
        }
    });
    Ok(true)
}

fn answer(connection: TcpStream, open: Arc<AtomicUsize>) {
    let Ok(output) = connection.try_clone() else { return };
    let mut command = Command::new(SERVER);
    command
        .args(["-i", "-o", "UsePAM=no"])
        .stdin(Stdio::from(OwnedFd::from(connection)))
        .stdout(Stdio::from(OwnedFd::from(output)))
        .stderr(Stdio::null());
    match processes::start(&mut command) {
        Ok(started) => {
            open.fetch_add(1, Ordering::Relaxed);
            thread::spawn(move || {
                let _ = started.wait();
                open.fetch_sub(1, Ordering::Relaxed);
            });
        }
        Err(error) => console::say(&format!("a login was lost: {error}")),
    }
}
